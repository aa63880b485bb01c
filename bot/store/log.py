"""The event log and the task projection, written together or not at all."""

import contextlib
import hashlib
import itertools
from collections.abc import Iterator
from json.encoder import encode_basestring as quoted
from typing import Any, Final, NamedTuple

from bot.core import damage_text, recorded, task
from bot.core import database_text as text
from bot.core.errors import Damaged, Refused, Unavailable
from bot.core.events import Event
from bot.core.matching import ClassKey
from bot.core.outline import Step
from bot.core.recorded import Recorded
from bot.core.task import Task
from bot.store import classes, history, measures
from bot.store.dialect import Duplicate, Row, Sql
from bot.store.wakeups import CHANGED, WORK

GENESIS: Final = b"\x00" * 32

_COLUMNS: Final = "seq, task_id, n, at, actor, cause, chain, kind, data"

#: Whether a cause is in the log, and what a task's next record is chained to.
_BEFORE: Final = """SELECT (SELECT 1 FROM event WHERE cause = ?),
    (SELECT chain FROM event WHERE task_id = ? AND n = ?)"""


class AlreadyHappened(Exception):
    """An event with this cause is in the log: a replay, nothing to do."""


def append(sql: Sql, before: Task | None, task_id: str, event: Event, *, cause: str, actor: str, at: float) -> Task:
    """Writes ``event`` and the task as it is after it; returns that.

    ``before`` is the task as read in this transaction (None for a new one). Raises AlreadyHappened when ``cause``
    is in the log, IllegalTransition or a stale fence (both Refused) when the event is not allowed, and Refused when
    the issue has another active task.
    """
    n = before.version + 1 if before else 1
    seen, previous = sql.all(_BEFORE, cause, task_id, n - 1)[0]
    if seen:
        raise AlreadyHappened(cause)
    after = task.apply(before, task_id, event, at, n)
    data = recorded.encode(event)
    chain = link(previous if before else GENESIS, task_id, n, event.kind, at, actor, cause, data)
    may_be_busy = not before or before.state.final  # whoever hears of it may go on with the same transaction
    write = sql.run if may_be_busy else sql.later
    with sql.savepoint() if may_be_busy else contextlib.nullcontext():
        write(
            "INSERT INTO event (task_id, n, kind, at, actor, cause, chain, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(task_id, n, event.kind, at, actor, cause, chain, data),
        )
        _project(sql, before, after)
    history.follow(sql, before, after, event, at)
    measures.count(sql, before, after, event, at)
    sql.wake(CHANGED)
    return after


def happened(sql: Sql, cause: str) -> bool:
    return sql.value("SELECT 1 FROM event WHERE cause = ?", cause) is not None


def link(previous: bytes, task_id: str, n: int, kind: str, at: float, actor: str, cause: str, data: str) -> bytes:
    """The digest that ties a record to the one before it: of that one's, and of the record as a JSON array.

    The array is put together by hand, as `json.dumps` would without blanks: that takes three times as long, and
    `verify` does it for every event there ever was.
    """
    record = f"[{quoted(task_id)},{n},{quoted(kind)},{at!r},{quoted(actor)},{quoted(cause)},{quoted(data)}]"
    return hashlib.sha256(bytes(previous) + record.encode("utf-8", "surrogatepass")).digest()


def of_task(sql: Sql, task_id: str) -> list[Recorded]:
    """The task's events, oldest first. Raises Damaged when one of them cannot be read."""
    return [_recorded(r) for r in sql.as_found(f"SELECT {_COLUMNS} FROM event WHERE task_id = ? ORDER BY n", task_id)]


def since(sql: Sql, seq: int, limit: int = 500) -> list[Recorded]:
    """Up to ``limit`` events after ``seq``, over all tasks; whoever goes on after the last of them misses none.

    Where transactions run side by side, one may commit after another that got later numbers. A number that is missing
    is therefore waited for until everyone who could have it has ended; when that takes long, the answer ends before it.
    Raises Damaged when one of them cannot be read.
    """
    statement = f"SELECT {_COLUMNS} FROM event WHERE seq > ? ORDER BY seq LIMIT ?"
    rows = sql.as_found(statement, seq, limit)
    if sql.many_writers and (whole := _without_a_gap(rows, seq)) < len(rows):
        last = rows[-1][0]
        rows = [row for row in sql.all(statement, seq, limit) if row[0] <= last] if sql.settled() else rows[:whole]
    return [_recorded(r) for r in rows]


def _without_a_gap(rows: list[Row], seq: int) -> int:
    """How many of ``rows`` follow ``seq`` with no number missing."""
    return next((i for i, row in enumerate(rows) if row[0] != seq + i + 1), len(rows))


def newest_seq(sql: Sql) -> int:
    """The number of the newest event, 0 for none; what comes from now on has a higher one.

    Raises Unavailable when those who write at this moment do not end.
    """
    newest = int(sql.value("SELECT max(seq) FROM event") or 0)
    if not sql.settled():
        raise Unavailable(text.writers_do_not_end(), retry_after=5)
    return newest


class Raw(NamedTuple):
    """A row of the log as it lies there, unread: what is wrong with it is for `verify` to say."""

    task_id: str
    n: int
    at: float
    actor: str
    cause: str
    chain: bytes
    kind: str
    data: str


def everything(sql: Sql, page: int = 2000) -> Iterator[Raw]:
    """Every event, grouped by task, oldest first."""
    return map(Raw._make, _by_task(sql, ", ".join(Raw._fields), page))


def steps(sql: Sql, page: int = 2000) -> Iterator[Step]:
    """The same without anything that the events say."""
    return _by_task(sql, "task_id, n, at, kind", page)


def _by_task(sql: Sql, columns: str, page: int) -> Iterator[Any]:
    """``columns`` begin with the task's id and the event's number."""
    return itertools.chain.from_iterable(_pages(sql, columns, page))


def _pages(sql: Sql, columns: str, page: int) -> Iterator[list[Row]]:
    last: Row = ("", 0)
    while True:
        rows = sql.as_found(
            f"SELECT {columns} FROM event WHERE (task_id, n) > (?, ?) ORDER BY task_id, n LIMIT ?", *last, page
        )
        yield rows
        if len(rows) < page:
            return
        last = rows[-1][:2]


def _recorded(row: Row) -> Recorded:
    seq, task_id, n, at, actor, cause, chain, kind, data = row
    try:
        for said in (kind, actor, cause, data):
            said.isascii() or said.encode()  # lone surrogates stand for bytes that are no UTF-8
        event = recorded.decode(kind, data)
    except (KeyError, TypeError, ValueError) as problem:
        reason = damage_text.event_unreadable(n, task_id, damage_text.why(problem))
        raise Damaged(reason, damage_text.verify_and_restore()) from problem
    return Recorded(seq, task_id, n, at, actor, cause, bytes(chain).hex(), event)


def _project(sql: Sql, before: Task | None, after: Task) -> None:
    counted = not sql.many_writers  # nobody needs to know where nothing is counted
    was = classes.of(sql, _key(before)) if before and before.claimable and counted else 0
    now = classes.of(sql, _key(after)) if after.claimable else 0
    if was != now:
        classes.count(sql, was, -1)
        classes.count(sql, now, 1)
    if now:
        sql.wake(WORK)
    try:
        if before is None:
            row = _columns(after, now) | {"data": task.encode(after)}
            sql.run(_INSERT, *row.values(), after.id, after.repo_id, after.issue, after.generation)
        else:
            _update(sql, before, after, _columns(before, was if counted else -1), _columns(after, now))
    except Duplicate as taken:
        raise busy(after) from taken


def _columns(of: Task, class_id: int) -> dict[str, object]:
    """Those that may change, but for the task itself."""
    return {
        "state": of.state.value,
        "version": of.version,
        "class_id": class_id,
        "claimable": int(of.claimable),
        "priority": of.priority,
        "queued_at": of.queued_at,
        "changed_at": of.changed_at,
        "agent": of.agent,
        "fence": of.fence,
        "branch": of.branch,
        "pull_request": of.pull_request,
    }


def _update(sql: Sql, before: Task, after: Task, was: dict[str, object], now: dict[str, object]) -> None:
    """Names only what differs: a database writes every index anew of which a column is named."""
    row = {name: value for name, value in now.items() if value != was[name]} | {"data": task.encode(after)}
    names = ", ".join(f"{name} = ?" for name in row)
    update, values = f"UPDATE task SET {names} WHERE id = ? AND version = ?", (*row.values(), after.id, before.version)
    missing = f"task {after.id} was changed behind our back at version {before.version}"
    if not before.state.final:
        sql.later(update, *values, missing=missing)
    elif not sql.run(update, *values):  # at once: another task of the issue may be active
        raise RuntimeError(missing)


_INSERT: Final = """INSERT INTO task (state, version, class_id, claimable, priority, queued_at, changed_at, agent,
    fence, branch, pull_request, data, id, repo_id, issue, generation)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def busy(after: Task) -> Refused:
    return Refused(
        f"Issue {after.issue} already has a task that is not finished.",
        "Cancel that one first, or wait for its end.",
        409,
        "issue_busy",
    )


def _key(of: Task) -> ClassKey:
    return ClassKey(of.repo_id, of.requirements, of.reserved_for)
