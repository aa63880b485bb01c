"""Opening the database, reading, writing, migrating."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from playhouse.migrations import Migration, Runner
from playhouse.pool import PooledDatabase

from bot.core.errors import Refused
from bot.store import dialect
from bot.store.dialect import Sql
from bot.store.tally import Tally
from bot.store.wakeups import Wakeups, Watcher
from bot.store.writer import Writer

T = TypeVar("T")

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


class Store:
    """One database, used by any number of threads; made after a fork, never before."""

    def __init__(self, db: PooledDatabase, path: Path) -> None:
        self._db = db
        self.path = path
        self.wakeups = Wakeups()
        self._writer = Writer(db, path.with_name(path.name + ".write.lock"), self._committed)
        self.tally = Tally(lambda command: self.write(command))
        self._watcher: Watcher | None = None
        self._watched: PooledDatabase | None = None

    def write(self, command: Callable[[Sql], T]) -> T:
        """Runs ``command`` in a transaction, together with others that wait; returns when it is durable.

        The command must only talk to the database: it runs while others wait. Raises what it raised (and then
        keeps nothing of it) or Unavailable when the database cannot be written.
        """
        result: T = self._writer.write(command)
        return result

    def read(self, query: Callable[[Sql], T]) -> T:
        """Runs ``query`` on a connection of its own; it must not write."""
        with self._db.connection_context():
            return query(Sql(self._db))

    def watch_other_processes(self) -> None:
        """From now on commits of other processes wake waiters of this one."""
        connection = dialect.sqlite(str(self.path))
        connection.connect()
        sql = Sql(connection)
        self._watched = connection
        self._watcher = Watcher(lambda: dialect.changes_token(sql), self.wakeups)
        self._watcher.start()

    def close(self) -> None:
        self.wakeups.close()
        self.tally.close()
        if self._watcher:
            self._watcher.stop()
        if self._watched:
            self._watched.close_all()
        self._writer.close()
        self._db.close_all()

    def _committed(self, topics: set[str]) -> None:
        if topics:
            self.wakeups.signal(topics)


def open_store(path: Path) -> Store:
    """The store in ``path``. Raises Refused when its schema is older or newer than this program's."""
    if not path.exists():
        raise Refused(f"There is no database {path} yet.", "Run `agent-fleet migrate`, or `serve`.", 500, "no_database")
    db = _connect(path)
    try:
        with db.connection_context():
            _check(db, path)
    except BaseException:
        db.close_all()
        raise
    return Store(db, path)


def migrate(path: Path) -> list[str]:
    """Applies what is missing of ``migrations/`` under a lock; returns the names applied.

    Raises Refused when the database was written by a newer version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # it holds tokens' digests and issues
    except OSError as problem:
        raise Refused(
            f"The database {path} cannot be made: {problem.strerror}.",
            "Check db_path under [orchestrator], and what this user may write there.",
            500,
            "no_database",
        ) from problem
    with _migration_lock(path):
        db = _connect(path)
        try:
            with db.connection_context():
                runner = Runner(db, str(MIGRATIONS))
                _refuse_newer(runner, path)
                return list(runner.up())
        finally:
            db.close_all()


def pending(path: Path) -> list[str]:
    """Names of migrations that are not applied yet; makes nothing. Raises Refused for a newer database."""
    if not path.exists():
        return _all_names()
    db = _connect(path)
    try:
        with db.connection_context():
            runner = Runner(db, str(MIGRATIONS))
            _refuse_newer(runner, path)
            return [m.name for m in runner.status() if not m.applied]
    finally:
        db.close_all()


def _connect(path: Path) -> PooledDatabase:
    return dialect.sqlite(str(path))


def _check(db: PooledDatabase, path: Path) -> None:
    runner = Runner(db, str(MIGRATIONS))
    _refuse_newer(runner, path)
    missing = [m.name for m in runner.status() if not m.applied]
    if missing:
        raise _too_old(path, missing)


def _too_old(path: Path, missing: Sequence[str]) -> Refused:
    return Refused(
        f"The database {path} is older than this program: {', '.join(missing)} not applied.",
        "Run `agent-fleet migrate`.",
        500,
        "schema_old",
    )


def _all_names() -> list[str]:
    return [m.name for m in Migration.load_directory(str(MIGRATIONS))]


def _refuse_newer(runner: Runner, path: Path) -> None:
    unknown = [m.name for m in runner.status() if m.path is None]
    if unknown:
        raise Refused(
            f"The database {path} was written by a newer Agent Fleet: this one does not know {', '.join(unknown)}.",
            "Start the newer version, or restore a backup made with this one.",
            500,
            "schema_new",
        )


@contextlib.contextmanager
def _migration_lock(path: Path) -> Iterator[None]:
    fd = os.open(path.with_name(path.name + ".migrate.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
