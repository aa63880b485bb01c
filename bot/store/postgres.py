"""PostgreSQL: the face for statements, a pool, and the transactions of many processes on many machines.

Commands were written for one writer at a time, and that is what they get: a transaction begins by taking one advisory
lock. Commands that lock the rows they decide by (claims, webhooks coming in) take it shared and run side by side.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg
from peewee import DatabaseError, ProgrammingError
from psycopg import errors
from psycopg.pq import TransactionStatus

from bot.core import database_text as text
from bot.core.errors import Unavailable
from bot.store import counters, translate
from bot.store.dialect import Duplicate, Lost, Row, Sql

#: Advisory locks of ours, the first number of a pair of two: nobody else uses it by accident.
OURS: Final = 0x0F1EE7
WRITING: Final = 1
MIGRATING: Final = 2
LEADING: Final = 3

CHANNEL: Final = "agent_fleet"

#: For every connection. A process that is paused or cut off within a transaction is thrown out by the server, so that
#: the others go on; a dead server or network is noticed by keepalives within about ten seconds.
PARAMETERS: Final = {
    "application_name": "agent-fleet",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "options": (
        "-c idle_in_transaction_session_timeout=3s -c lock_timeout=20s"
        r" -c default_transaction_isolation=read\ committed"
    ),
}

_POOL: Final = 16
_WAIT_SECS: Final = 10.0
#: A server that restarts, or a standby that takes over, is waited for this long.
_PATIENCE_SECS: Final = 20.0
#: How often it is looked whether others' transactions have ended; they take milliseconds.
_LOOK_SECS: Final = 0.002
#: The transactions that may write: they have this lock before their first statement, and their changes are seen
#: before they let go of it.
_WRITERS: Final = f"""SELECT pid, virtualtransaction FROM pg_locks
    JOIN pg_database ON pg_database.oid = pg_locks.database AND datname = current_database()
    WHERE locktype = 'advisory' AND classid = {OURS} AND objid = {WRITING} AND objsubid = 2 AND granted
    AND pid <> pg_backend_pid()"""

#: The engine's own word that a transaction is over, or the line.
_LOST: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.IdleInTransactionSessionTimeout,
    errors.ReadOnlySqlTransaction,  # the server became a standby
)


def connect(url: str, **more: str) -> Any:
    """A connection of its own, in autocommit. Raises Unavailable."""
    parameters = PARAMETERS | more
    try:
        return psycopg.connect(url, autocommit=True, **parameters)  # type: ignore[arg-type]
    except psycopg.OperationalError as problem:
        raise Unavailable(text.database_unreachable(_said(problem)), retry_after=5) from problem


class PostgresSql(Sql):
    """The same statements, for PostgreSQL."""

    many_writers = True

    def __init__(self, db: Any, *, shared: bool = False) -> None:
        super().__init__(db)
        self.shared = shared

    def all(self, statement: str, *values: object) -> list[Row]:
        cursor = self._execute(statement, values)
        return translate.restored(cursor.fetchall()) if cursor.description else []

    def run(self, statement: str, *values: object) -> int:
        return int(self._execute(statement, values).rowcount)

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        self._execute("SAVEPOINT command", ())
        try:
            with self._counted_or_not():
                yield
        except BaseException:
            if self._db.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
                self._execute("ROLLBACK TO SAVEPOINT command", ())
            raise
        self._execute("RELEASE SAVEPOINT command", ())

    def settled(self) -> bool:
        until, left = time.monotonic() + _PATIENCE_SECS, self.all(_WRITERS)
        while left and time.monotonic() < until:
            time.sleep(_LOOK_SECS)
            now = set(self.all(_WRITERS))
            left = [one for one in left if one in now]
        return not left

    def _execute(self, statement: str, values: tuple[object, ...]) -> Any:
        try:
            return self._db.execute(translate.statement(statement), [translate.value(v) for v in values])
        except errors.IntegrityError as problem:
            raise Duplicate(str(problem)) from problem
        except _LOST as problem:
            raise Lost(_said(problem)) from problem
        except psycopg.ProgrammingError as problem:
            raise ProgrammingError(str(problem)) from problem
        except psycopg.Error as problem:
            raise DatabaseError(str(problem)) from problem


class Connections:
    """A pool: none is held longer than a read or a write takes, and a broken one is thrown away.

    ``first`` gets each before it is handed out.
    """

    def __init__(self, url: str, first: Callable[[Any], None] = lambda _: None, size: int = _POOL) -> None:
        self._url = url
        self._first = first
        self._slots = threading.BoundedSemaphore(size)
        self._guard = threading.Lock()
        self._idle: list[Any] = []
        self._closed = False

    @contextlib.contextmanager
    def one(self, *, fresh: bool = False) -> Iterator[Any]:
        """``fresh``: not one from before. Raises Unavailable."""
        if not self._slots.acquire(timeout=_WAIT_SECS):
            raise Unavailable(text.database_busy(), retry_after=1)
        try:
            connection = (None if fresh else self._take()) or connect(self._url)
            try:
                self._first(connection)
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._slots.release()

    def forget_idle(self) -> None:
        """They are likely as broken as the one that just broke."""
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        self._closed = True
        self.forget_idle()

    def _take(self) -> Any:
        with self._guard:
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: Any) -> None:
        usable = not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE
        with self._guard:
            if usable and not self._closed:
                self._idle.append(connection)
                return
        connection.close()


def read(connections: Connections, query: Callable[[Sql], Any], *, steady: bool = False) -> Any:
    """Runs ``query``, once more when a connection turns out to be broken. Raises Unavailable."""
    try:
        with connections.one() as connection:
            return _looked(connection, query, steady=steady)
    except Lost:
        connections.forget_idle()
    try:
        with connections.one(fresh=True) as connection:
            return _looked(connection, query, steady=steady)
    except Lost as problem:
        raise Unavailable(text.database_unreachable(str(problem)), retry_after=5) from problem


def _looked(connection: Any, query: Callable[[Sql], Any], *, steady: bool) -> Any:
    sql = PostgresSql(connection)
    if not steady:
        return query(sql)
    sql.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        return query(sql)
    finally:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()


class OnPostgres:
    """``shared``: these transactions run beside each other, though never beside the others'."""

    def __init__(self, connections: Connections, *, shared: bool = False) -> None:
        self._connections = connections
        self._shared = shared
        lock = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        self._begin = f"BEGIN; SELECT pg_current_xact_id()::text FROM (SELECT {lock}({OURS}, {WRITING})) AS turn"

    def close(self) -> None:
        """The pool is its maker's."""

    def run(self, work: Callable[[Sql], None]) -> set[str]:
        until = time.monotonic() + _PATIENCE_SECS
        while True:
            try:
                return self._once(work)
            except Lost as problem:
                self._connections.forget_idle()
                if time.monotonic() >= until:
                    raise Unavailable(text.database_unwritable(str(problem)), retry_after=5) from problem
            except Unavailable:
                if time.monotonic() >= until:
                    raise
            time.sleep(0.1)  # a server that restarts refuses at once

    def _once(self, work: Callable[[Sql], None]) -> set[str]:
        """Raises Lost when nothing of it is kept, for whatever reason but ``work``'s own."""
        with self._connections.one() as connection:
            sql = PostgresSql(connection, shared=self._shared)
            transaction = ""
            try:
                transaction = _begun(connection, self._begin)
                work(sql)
                counters.keep(sql)
            except BaseException:
                with contextlib.suppress(psycopg.Error):
                    connection.rollback()
                raise
            try:
                connection.execute("COMMIT")
            except _LOST as problem:
                connection.close()
                if not self._committed(transaction):
                    raise Lost(_said(problem)) from problem
            except psycopg.Error as problem:  # a constraint that is looked at last
                raise Lost(_said(problem)) from problem
            if sql.woken and not connection.closed:
                tell(connection, sql.woken)
            return sql.woken

    def _committed(self, transaction: str) -> bool:
        """What became of a transaction whose answer got lost. Raises Unavailable when that cannot be found out."""
        until = time.monotonic() + _PATIENCE_SECS
        while time.monotonic() < until:
            try:
                with self._connections.one(fresh=True) as connection:
                    row = connection.execute("SELECT pg_xact_status(%s::xid8)", [transaction]).fetchone()
            except errors.InvalidParameterValue:  # a standby took over that never heard of it
                return False
            except (Unavailable, psycopg.Error):
                row = None
            if row and row[0] != "in progress":
                return bool(row[0] == "committed")
            time.sleep(0.1)
        raise Unavailable(text.commit_unknown(), retry_after=5, ambiguous=True)


def _begun(connection: Any, both: str) -> str:
    """Begins and waits for its turn in one message; returns the transaction's id."""
    try:
        cursor = connection.execute(both, prepare=False)
        cursor.nextset()
        return str(cursor.fetchone()[0])
    except _LOST as problem:
        raise Lost(_said(problem)) from problem


def tell(connection: Any, topics: set[str]) -> None:
    """One notification after a commit, not within it: there it would make all commits wait for each other.

    It is a hint. Who misses it looks by itself a little later.
    """
    with contextlib.suppress(psycopg.Error):
        connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, ",".join(sorted(topics))])


def _said(problem: BaseException) -> str:
    return " ".join(str(problem).split()) or type(problem).__name__
