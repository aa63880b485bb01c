"""PostgreSQL: the face for statements, a pool, and the transactions of many processes on many machines.

Commands were written for one writer at a time, and that is what they get: a transaction begins by taking one advisory
lock. Commands that lock the rows they decide by (claims, webhooks coming in) take it shared and run side by side.
"""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from peewee import DatabaseError, ProgrammingError
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from bot.core import database_text as text
from bot.core.errors import Refused, Unavailable
from bot.store import counters
from bot.store.dialect import Duplicate, Lost, Row, Sql
from bot.store.pipeline import Answer, Connection, Statement

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


def check(url: str) -> None:
    """Raises Refused when libpq does not understand it; its own words repeat the password, so they are cut."""
    if why := complaint(url):
        raise Refused(text.bad_url(why), text.mend_url(), 500, "bad_url")


def complaint(url: str) -> str:
    """What is wrong with a URL, "" when nothing is."""
    try:
        found = conninfo_to_dict(url)
    except psycopg.Error as problem:
        return _said(problem).partition(': "')[0]
    ports = str(found.get("port", "")).split(",")
    if not all(re.fullmatch(r"([0-9]{1,5})?", port) for port in ports):
        return text.bad_port()  # most likely a password with a / in it
    return ""


def connect(url: str, **more: str) -> Connection:
    """A connection of its own, in autocommit. Raises Unavailable."""
    parameters = PARAMETERS | more
    try:
        return Connection.connect(url, autocommit=True, prepare_threshold=None, **parameters)  # type: ignore[arg-type]
    except psycopg.OperationalError as problem:
        raise Unavailable(text.database_unreachable(_said(problem)), retry_after=5) from problem


@dataclass(frozen=True)
class _Asked:
    """``missing``: what is wrong when it changes no row."""

    statement: Statement
    missing: str = ""


class PostgresSql(Sql):
    """The same statements, for PostgreSQL. What need not be answered goes along with the next that is."""

    many_writers = True

    def __init__(self, connection: Connection, *, shared: bool = False, opening: Sequence[Statement] = ()) -> None:
        super().__init__(connection)
        self.shared = shared
        self._connection = connection
        #: The transaction's id, once its beginning is answered: the last of ``opening``.
        self.transaction = ""
        self._opening = list(opening)
        self._later: list[_Asked] = []

    def all(self, statement: str, *values: object) -> list[Row]:
        return self._answer(statement, values).rows()

    def run(self, statement: str, *values: object) -> int:
        return self._answer(statement, values).changed

    def later(self, statement: str, *values: object, missing: str = "") -> None:
        text = _NOT_NONE.format(statement) if missing else statement
        self._later.append(_Asked(Statement.of(text, values), missing))
        if len(self._later) >= _MOST_LATER:
            self._ask([])

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        if self._later:
            self._ask([])  # what is wrong with those is not the block's
        self._later.append(_SAVEPOINT)
        try:
            with self._counted_or_not():
                yield
                if self._later != [_SAVEPOINT]:
                    self._ask([])
        except Lost:
            raise
        except BaseException:
            if self._later[:1] == [_SAVEPOINT]:  # nothing of the block has been sent
                self._later.clear()
            elif self._connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
                self._later.clear()
                self._ask([_BACK])
            raise
        if self._later:
            self._later.clear()
        else:
            self._later.append(_RELEASE)

    def settled(self) -> bool:
        until, left = time.monotonic() + _PATIENCE_SECS, self.all(_WRITERS)
        while left and time.monotonic() < until:
            time.sleep(_LOOK_SECS)
            now = set(self.all(_WRITERS))
            left = [one for one in left if one in now]
        return not left

    def commit(self) -> None:
        """Raises what a statement that was left for later is refused for, and Lost when the server refuses all.

        Raises Unanswered when it is not known whether all is kept.
        """
        if not self.transaction:
            self._ask([])  # else nobody could say what became of it
        last = [*self._later, _COMMIT]
        self._later = []
        told = [_told(self.woken)] if self.woken else []
        answers, problem = self._connection.ask([x.statement for x in last] + told)
        if len(answers) >= len(last):
            if answers[len(last) - 1].did != b"COMMIT":
                raise DatabaseError("a command went on in a transaction of which nothing could be kept")
        elif isinstance(problem, _LOST) and self._connection.closed:
            raise Unanswered(self.transaction, _said(problem)) from problem
        elif len(answers) == len(last) - 1 and problem:  # a constraint that is looked at last
            raise Lost(_said(problem)) from problem
        elif problem:
            raise _as_ours(problem, last[len(answers)].missing) from problem

    def _answer(self, statement: str, values: tuple[object, ...]) -> Answer:
        return self._ask([_Asked(Statement.of(statement, values))])[-1]

    def _ask(self, these: list[_Asked]) -> list[Answer]:
        """Of ``these``, after all that was left for later."""
        opening, self._opening = self._opening, []
        asked, self._later = [*self._later, *these], []
        answers, problem = self._connection.ask([*opening, *(x.statement for x in asked)])
        if opening and len(answers) >= len(opening):
            self.transaction = str(answers[len(opening) - 1].rows()[0][0])
        if problem:
            at = len(answers) - len(opening)
            raise _as_ours(problem, asked[at].missing if 0 <= at < len(asked) else "") from problem
        return answers[len(answers) - len(these) :]


class Unanswered(Exception):
    """The answer to the COMMIT of this transaction got lost."""

    def __init__(self, transaction: str, why: str) -> None:
        super().__init__(why)
        self.transaction = transaction


#: So many statements are sent at the latest: nobody's memory fills up with what is left for later.
_MOST_LATER: Final = 100
#: Fails where nothing is changed, so that the statements after it are not run.
_NOT_NONE: Final = "WITH changed AS ({} RETURNING 1) SELECT 1 / count(*) FROM changed"
_SAVEPOINT: Final = _Asked(Statement.of("SAVEPOINT command"))
_BACK: Final = _Asked(Statement.of("ROLLBACK TO SAVEPOINT command"))
_RELEASE: Final = _Asked(Statement.of("RELEASE SAVEPOINT command"))
_COMMIT: Final = _Asked(Statement.of("COMMIT"))


def _as_ours(problem: psycopg.Error, missing: str) -> Exception:
    if missing and isinstance(problem, errors.DivisionByZero):
        return RuntimeError(missing)
    if isinstance(problem, errors.IntegrityError):
        return Duplicate(str(problem))
    if isinstance(problem, _LOST):
        return Lost(_said(problem))
    kind = ProgrammingError if isinstance(problem, psycopg.ProgrammingError) else DatabaseError
    return kind(str(problem))


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
        turn = f"SELECT pg_current_xact_id()::text FROM (SELECT {lock}({OURS}, {WRITING})) AS turn"
        self._opening = (Statement.of("BEGIN"), Statement.of(turn))

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
            sql = PostgresSql(connection, shared=self._shared, opening=self._opening)
            try:
                work(sql)
                counters.keep(sql)
                sql.commit()
            except Unanswered as problem:
                if not self._committed(problem.transaction):
                    raise Lost(str(problem)) from problem
            except BaseException:
                with contextlib.suppress(psycopg.Error):
                    connection.rollback()
                raise
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


def tell(connection: Connection, topics: set[str]) -> None:
    """Wakes all who listen."""
    connection.ask([_told(topics)])


def _told(topics: set[str]) -> Statement:
    """One notification after a commit, not within it: there it would make all commits wait for each other.

    It is a hint. Who misses it looks by itself a little later.
    """
    return Statement.of("SELECT pg_notify(?, ?)", (CHANNEL, ",".join(sorted(topics))))


def _said(problem: BaseException) -> str:
    return " ".join(str(problem).split()) or type(problem).__name__
