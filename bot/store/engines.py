"""The two engines, behind what the store needs of one: reading, writing, waking, leading, migrating."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Protocol

import structlog
from playhouse.pool import PooledDatabase

from bot.core import database_text as text
from bot.core import database_url
from bot.core.errors import Refused
from bot.store import bells, dialect
from bot.store.dialect import Sql
from bot.store.leading import FileLead, Lead, held
from bot.store.transactions import OnSqlite, Transactions
from bot.store.wakeups import Wakeups, Watcher

log = structlog.get_logger(__name__)

#: A database: the path of an SQLite file, or the URL of a PostgreSQL.
Where = Path | str


def shown(where: Where) -> str:
    """For people: without a password."""
    return str(where) if isinstance(where, Path) else database_url.shown(where)


class Engine(Protocol):
    """One engine on one database; made after a fork, never before."""

    #: Whether shared commands run at the same time.
    many_writers: bool

    def read(self, query: Callable[[Sql], Any], *, steady: bool = False) -> Any:
        """``steady``: all of its statements see the database as it is at one moment."""
        ...

    def transactions(self, *, shared: bool) -> Transactions:
        """``shared``: for commands that lock what they decide by."""
        ...

    def watch(self, wakeups: Wakeups, topics: Collection[str]) -> None:
        """From now on commits of other processes wake waiters of this one, at once those who wait for ``topics``."""
        ...

    def now(self) -> float:
        """Seconds since the epoch, as every process of the fleet counts them."""
        ...

    def lead(self) -> Lead: ...

    def led(self) -> bool:
        """Whether any worker holds the lead; asking does not take it."""
        ...

    def close(self) -> None: ...


class OnSqliteFile:
    many_writers = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lead = path.with_name(path.name + ".worker.lock")
        self._db = dialect.sqlite(str(path))
        self._writing = dialect.sqlite(str(path), one_connection=True)
        self._watcher: Watcher | None = None
        self._watched: PooledDatabase | None = None
        self._bells = bells.Bells(bells.folder_of(path))

    def read(self, query: Callable[[Sql], Any], *, steady: bool = False) -> Any:
        with self._db.connection_context():
            if not steady:
                return query(Sql(self._db))
            with self._db.transaction("DEFERRED"):  # until it ends it keeps its view, and nobody waits for it
                return query(Sql(self._db))

    def transactions(self, *, shared: bool) -> Transactions:  # noqa: ARG002 - there is one writer at a time
        return OnSqlite(self._writing, self._path.with_name(self._path.name + ".write.lock"), self._bells.ring)

    def watch(self, wakeups: Wakeups, topics: Collection[str]) -> None:
        connection = dialect.sqlite(str(self._path))
        connection.connect()
        sql = Sql(connection)
        self._watched = connection
        self._watcher = Watcher(lambda: dialect.changes_token(sql), wakeups, self._bell(topics))
        self._watcher.start()

    def _bell(self, topics: Collection[str]) -> bells.Bell | None:
        """None where there can be none: then the file is looked at more often."""
        try:
            bell = bells.Bell.hung_in(bells.folder_of(self._path), topics)
        except OSError as problem:
            log.warning("other processes' commits are looked for, not heard of", reason=str(problem))
            return None
        self._bells.ours = bell.path.name
        return bell

    def now(self) -> float:
        return time.time()

    def lead(self) -> Lead:
        return FileLead(self._lead)

    def led(self) -> bool:
        return held(self._lead)

    def close(self) -> None:
        if self._watcher:
            self._watcher.stop()
        if self._watched:
            self._watched.close_all()
        self._writing.close_all()
        self._bells.close()
        self._db.close_all()


def complaint(where: Where) -> str:
    """What is wrong with a URL, "" when nothing is, or when what could tell is not installed."""
    if isinstance(where, Path):
        return ""
    try:
        from bot.store import postgres
    except ImportError:
        return ""
    return postgres.complaint(where)


def engine(where: Where) -> Engine:
    """Raises Refused when what it needs is not installed."""
    if isinstance(where, Path):
        return OnSqliteFile(where)
    with _needing_psycopg():
        from bot.store.postgres_engine import OnPostgresServer
    return OnPostgresServer(where)


@contextlib.contextmanager
def for_migrating(where: Where) -> Iterator[PooledDatabase]:
    """The database as the migrations use it; nobody else migrates meanwhile. Raises Refused."""
    if isinstance(where, Path):
        with _migration_lock(where), for_looking(where) as db:
            yield db
        return
    with _needing_psycopg():
        from bot.store import postgres_engine
    with postgres_engine.migrations(where, locked=True) as db:
        yield db


@contextlib.contextmanager
def for_looking(where: Where) -> Iterator[PooledDatabase]:
    """The same, to look at which migrations there are."""
    if not isinstance(where, Path):
        with _needing_psycopg():
            from bot.store import postgres_engine
        with postgres_engine.migrations(where, locked=False) as db:
            yield db
        return
    db = dialect.sqlite(str(where))
    try:
        with db.connection_context():
            yield db
    finally:
        db.close_all()


@contextlib.contextmanager
def _needing_psycopg() -> Iterator[None]:
    try:
        yield
    except ImportError as problem:
        raise Refused(text.needs_psycopg(), text.install_psycopg(), 500, "no_driver") from problem


@contextlib.contextmanager
def _migration_lock(path: Path) -> Iterator[None]:
    fd = os.open(path.with_name(path.name + ".migrate.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
