"""PostgreSQL as the store uses it: a pool, notifications, the lead by advisory lock, and the migrations."""

import contextlib
import math
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

import psycopg
import structlog
from peewee import OperationalError, ProgrammingError
from playhouse.pool import PooledPostgresqlDatabase
from psycopg import errors

from bot.core import database_text as text
from bot.core.database_url import shown
from bot.core.errors import Refused, Unavailable
from bot.store import postgres, translate
from bot.store.dialect import Sql
from bot.store.leading import Lead
from bot.store.postgres import CHANNEL, LEADING, MIGRATING, OURS, Connections
from bot.store.transactions import Transactions
from bot.store.wakeups import TOPICS, Wakeups

log = structlog.get_logger(__name__)

#: The net under notifications that got lost.
_POLL_SECS: Final = 5.0
#: A leader that has not been heard of for this long is taken for dead by the server, and the lock is free.
_ABANDONED: Final = "8s"
#: An advisory lock of two numbers, in this database and not in another one of the same server.
_LED: Final = f"""SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND granted
    AND classid = {OURS} AND objid = {LEADING} AND objsubid = 2"""


class OnPostgresServer:
    many_writers = True

    def __init__(self, url: str) -> None:
        postgres.check(url)
        self._url = url
        self._clock = ServerClock()
        self._connections = Connections(url, self._clock.ask)
        self._listener: Listener | None = None

    def now(self) -> float:
        return self._clock.now()

    def read(self, query: Callable[[Sql], Any], *, steady: bool = False) -> Any:
        return postgres.read(self._connections, query, steady=steady)

    def transactions(self, *, shared: bool) -> Transactions:
        return postgres.OnPostgres(self._connections, shared=shared)

    def watch(self, wakeups: Wakeups, topics: Collection[str]) -> None:  # noqa: ARG002 - one channel tells of all
        self._listener = Listener(self._url, wakeups)
        self._listener.start()

    def lead(self) -> Lead:
        return ServerLead(self._url)

    def led(self) -> bool:
        return bool(self.read(lambda sql: sql.value(_LED)))

    def close(self) -> None:
        if self._listener:
            self._listener.stop()
        self._connections.close()


class ServerClock:
    """The server's clock, kept by our own steady one; asked for again every few seconds.

    Until the first connection was used it is our own machine's.
    """

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()
        self._asked = -math.inf

    def now(self) -> float:
        return time.monotonic() + self._ahead

    def ask(self, connection: Any) -> None:
        """Unless it was asked a moment ago."""
        before = time.monotonic()
        if before - self._asked < _POLL_SECS:
            return
        try:
            [at] = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
        except psycopg.Error:
            return  # broken: whoever uses it now will say so
        self._asked = time.monotonic()
        self._ahead = at - (before + self._asked) / 2


class Listener(threading.Thread):
    """Wakes waiters when another process has committed; connects again for as long as it takes."""

    def __init__(self, url: str, wakeups: Wakeups) -> None:
        super().__init__(name="store-listener", daemon=True)
        self._url = url
        self._wakeups = wakeups
        self._ended = threading.Event()
        self._listening = threading.Event()
        self._connection: Any = None

    def start(self) -> None:
        """Returns once commits are heard of, or cannot be for now."""
        super().start()
        self._listening.wait(_POLL_SECS)

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                with postgres.connect(self._url) as self._connection:
                    self._connection.execute(f"LISTEN {CHANNEL}")
                    self._listening.set()
                    self._listen()
            except (Unavailable, psycopg.Error) as problem:
                if not self._ended.is_set():
                    log.warning("listening for commits again in a moment", reason=str(problem))
            self._ended.wait(0.5)

    def _listen(self) -> None:
        self._wakeups.signal(TOPICS)  # whatever was missed
        while not self._ended.is_set():
            heard = [x.payload for x in self._connection.notifies(timeout=_POLL_SECS, stop_after=1)]
            topics = {topic for payload in heard for topic in payload.split(",")} if heard else set(TOPICS)
            self._wakeups.signal(topics)
            if not heard:
                self._connection.execute("SELECT 1")  # or the line is dead

    def stop(self) -> None:
        self._ended.set()
        connection = self._connection
        if connection is not None and not connection.closed:
            # notifies() is not to be interrupted from outside
            with contextlib.suppress(psycopg.Error, Unavailable), postgres.connect(self._url) as other:
                postgres.tell(other, set(TOPICS))
        self.join()


class ServerLead:
    """A session's advisory lock. A leader that dies, is cut off or pauses loses it within seconds."""

    shared = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None

    def take(self) -> bool:
        if self._connection is None or self._connection.closed:
            self._connection = postgres.connect(self._url)
        try:
            [taken] = self._connection.execute(f"SELECT pg_try_advisory_lock({OURS}, {LEADING})").fetchone()
            if taken:
                self._connection.execute(f"SET idle_session_timeout = '{_ABANDONED}'")
        except psycopg.Error as problem:
            self._connection.close()
            raise Unavailable(text.database_unreachable(str(problem)), retry_after=1) from problem
        return bool(taken)

    def holds(self) -> bool:
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def give_up(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):  # else the server lets go of it a little after the connection
                self._connection.execute("SELECT pg_advisory_unlock_all()")
            self._connection.close()
            self._connection = None


class _Migrated(PooledPostgresqlDatabase):  # type: ignore[misc]
    """Migrations are written once, too."""

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        if not params:
            return super().execute_sql(translate.definition(sql).replace("%", "%%"))
        return super().execute_sql(translate.statement(sql) if re.search(r"\?", sql) else sql, params)


@contextlib.contextmanager
def migrations(url: str, *, locked: bool) -> Iterator[Any]:
    """The database for peewee's migrations, with nobody else migrating when ``locked``. Raises Refused."""
    postgres.check(url)
    db = _Migrated(url, prefer_psycopg3=True, **postgres.PARAMETERS)
    with contextlib.ExitStack() as stack:
        stack.callback(db.close_all)
        if locked:
            own = stack.enter_context(contextlib.closing(_opened(url)))
            own.execute("SET lock_timeout = 0")
            own.execute(f"SELECT pg_advisory_lock({OURS}, {MIGRATING})")
        try:
            stack.enter_context(db.connection_context())
        except OperationalError as problem:
            raise _away(Unavailable(text.database_unreachable(" ".join(str(problem).split())))) from problem
        _check_encoding(db)
        try:
            yield db
        except ProgrammingError as problem:
            if isinstance(problem.__context__, (errors.InsufficientPrivilege, errors.InvalidSchemaName)):
                why = str(problem).splitlines()[0]
                raise Refused(text.not_ours(shown(url), why), text.make_it_ours(), 500, "no_right") from problem
            raise


def _check_encoding(db: Any) -> None:
    """In another encoding letters are lost, or texts are bytes."""
    encoding = db.connection().info.parameter_status("server_encoding")
    if encoding != "UTF8":
        where = shown(db.database)
        raise Refused(text.not_utf8(where, encoding), text.make_it_utf8(), 500, "bad_encoding")


def _opened(url: str) -> Any:
    try:
        return postgres.connect(url)
    except Unavailable as problem:
        raise _away(problem) from problem


def _away(problem: Unavailable) -> Refused:
    return Refused(str(problem), text.check_the_server(), 503, "no_database")
