"""`agent-fleet verify`: the log alone rebuilds every projection, and nothing in it was changed."""

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from bot.core import recorded, task
from bot.core.errors import Refused
from bot.core.task import Task
from bot.store import counters, history, log, retention, tasks
from bot.store.dialect import Sql
from bot.store.log import Raw

_COLUMNS = (
    "id, repo_id, issue, generation, state, version, claimable, priority, queued_at, changed_at, agent, fence, branch, "
    "pull_request, data"
)


@dataclass(frozen=True)
class Difference:
    task_id: str
    what: str


def differences(sql: Sql) -> Iterator[Difference]:
    """Everything in which the database is not what the log says; nothing = it holds."""
    seen: dict[str, Task | None] = {}
    for task_id, rows in groupby(log.everything(sql), key=lambda x: x.task_id):
        seen[task_id] = yield from _folded(task_id, rows)
    yield from _projections(sql, seen)
    yield from _classes(sql, seen)
    yield from _attempts(sql)
    yield from _history(sql, seen)
    yield from _counters(sql)
    yield from _sizes(sql)


def _folded(task_id: str, rows: Iterable[Raw]) -> Generator[Difference, None, Task | None]:
    """Checks the chain of one task's events; returns the task they tell of, None when they tell nothing sound."""
    previous, state, sound = log.GENESIS, None, True
    for expected_n, raw in enumerate(rows, 1):
        if raw.n != expected_n:
            yield Difference(task_id, f"event {expected_n} is missing from the log")
        if raw.chain != log.link(previous, task_id, raw.n, raw.kind, raw.at, raw.actor, raw.cause, raw.data):
            yield Difference(task_id, f"event {raw.n} was changed after it was written")
        previous = raw.chain
        if not sound:
            continue
        try:
            state = task.apply(state, task_id, recorded.decode(raw.kind, raw.data), raw.at, raw.n)
        except (KeyError, TypeError, ValueError) as problem:
            sound = False
            yield Difference(task_id, f"event {raw.n} ({raw.kind}) cannot be read: {problem!r}")
        except Refused as refusal:
            sound = False
            yield Difference(task_id, f"event {raw.n} ({raw.kind}) is not possible there: {refusal.reason}")
    return state if sound else None


def _projections(sql: Sql, seen: Mapping[str, Task | None]) -> Iterator[Difference]:
    lost = set(seen)
    for task_id, *columns, data in sql.all(f"SELECT {_COLUMNS} FROM task"):
        if task_id not in seen:
            yield Difference(task_id, "has no events")
            continue
        lost.discard(task_id)
        wanted = seen[task_id]
        if wanted is None:
            continue  # its events are unsound, and that has been said
        if columns != _columns(wanted):
            yield Difference(task_id, "its columns differ from its events")
        if not _same(data, wanted):
            yield Difference(task_id, f"its projection differs from its events: {_fields(data, wanted)}")
    for task_id in sorted(lost):
        yield Difference(task_id, "has events but no row")


def _columns(wanted: Task) -> list[object]:
    return [
        *(wanted.repo_id, wanted.issue, wanted.generation, wanted.state.value, wanted.version, int(wanted.claimable)),
        *(wanted.priority, wanted.queued_at, wanted.changed_at, wanted.agent, wanted.fence, wanted.branch),
        wanted.pull_request,
    ]


def _same(data: str, wanted: Task) -> bool:
    """A row from before a field was added holds that field's default."""
    try:
        return task.decode(data) == wanted
    except (KeyError, TypeError, ValueError):
        return False


def _fields(data: str, wanted: Task) -> str:
    try:
        shown = task.decode(data)
    except (KeyError, TypeError, ValueError) as problem:
        return f"it cannot be read ({problem!r})"
    return ", ".join(n for n in vars(wanted) if replace(shown, **{n: getattr(wanted, n)}) != shown)


def _classes(sql: Sql, seen: Mapping[str, Task | None]) -> Iterator[Difference]:
    rows = sql.all(
        """SELECT class.id, class.waiting, (SELECT count(*) FROM task WHERE claimable = 1 AND class_id = class.id)
           FROM class"""
    )
    for class_id, kept, counted in rows:
        if kept != counted and not sql.many_writers:  # there the numbers are not kept
            yield Difference(f"class {class_id}", f"counts {kept} waiting tasks, there are {counted}")
    rows = sql.all(
        """SELECT task.id, class.repo_id, class.requirements, class.reserved_for
           FROM task LEFT JOIN class ON class.id = task.class_id WHERE task.claimable = 1"""
    )
    for task_id, *key in rows:
        now = seen.get(task_id)
        if now is None:
            continue  # its events are unsound, or it has none: that has been said
        if key != [now.repo_id, json.dumps(now.requirements, ensure_ascii=False), now.reserved_for]:
            yield Difference(task_id, "waits in a class that is not its own")


def _history(sql: Sql, seen: Mapping[str, Task | None]) -> Iterator[Difference]:
    """What the history says of a task; how long it ran and what it cost are not in the log."""
    kept = {
        row[0]: row[1:]
        for row in sql.all("SELECT task_id, repo_id, issue, state, reason, person, created_at FROM history")
    }
    for task_id, wanted in seen.items():
        if wanted is None:
            continue  # its events are unsound, and that has been said
        told = (wanted.repo_id, wanted.issue, wanted.state.value, history.reason_of(wanted))
        if kept.get(task_id) != (*told, wanted.asked_by, wanted.created_at):
            yield Difference(task_id, "its line in the history differs from its events")
    for task_id in sorted(kept.keys() - seen.keys()):
        yield Difference(task_id, "stands in the history but has no events")


def _counters(sql: Sql) -> Iterator[Difference]:
    kept = {
        labels[0]: int(value) for labels, value in counters.everything(sql).get(counters.TASKS, {}).items() if value
    }
    counted = tasks.counts(sql)
    for state in sorted(kept.keys() | counted.keys()):
        if kept.get(state, 0) != counted.get(state, 0):
            what = f"{kept.get(state, 0)} tasks are counted, there are {counted.get(state, 0)}"
            yield Difference(f"state {state}", what)


def _sizes(sql: Sql) -> Iterator[Difference]:
    counted, there = retention.kept(sql), retention.measured(sql)
    for kind in retention.KINDS:
        if counted[kind] != there[kind]:
            yield Difference(f"kept {kind}", f"{counted[kind]} bytes are counted, there are {there[kind]}")


def _attempts(sql: Sql) -> Iterator[Difference]:
    rows = sql.all(
        """SELECT attempt.task_id, attempt.fence FROM attempt LEFT JOIN task ON task.id = attempt.task_id
           AND task.fence = attempt.fence AND task.state IN ('assigned', 'running')
           WHERE attempt.active = 1 AND task.id IS NULL"""
    )
    for task_id, fence in rows:
        yield Difference(task_id, f"attempt {fence} holds a lease that the log does not know")
    rows = sql.all(
        """SELECT task.id, task.fence FROM task LEFT JOIN attempt ON task.id = attempt.task_id
           AND task.fence = attempt.fence AND attempt.active = 1
           WHERE task.state IN ('assigned', 'running') AND attempt.task_id IS NULL"""
    )
    for task_id, fence in rows:
        yield Difference(task_id, f"attempt {fence} has no lease")
