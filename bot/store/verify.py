"""`agent-fleet verify`: the log alone rebuilds every projection, and nothing in it was changed."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Final

from bot.core import damage_text as text
from bot.core import recorded, task
from bot.core.errors import Refused
from bot.core.task import Task
from bot.store import counters, history, log, retention, tasks
from bot.store.abreast import abreast, in_pages
from bot.store.dialect import Row, Sql
from bot.store.log import Raw

#: A task's row with the class that it waits in.
_ROWS: Final = """SELECT task.id, task.repo_id, issue, generation, state, version, claimable, priority, queued_at,
    changed_at, agent, fence, branch, pull_request, data, class.repo_id, class.requirements, class.reserved_for
    FROM task LEFT JOIN class ON class.id = task.class_id WHERE task.id > ? ORDER BY task.id LIMIT ?"""
_HISTORY: Final = """SELECT task_id, repo_id, issue, state, reason, person, created_at FROM history
    WHERE task_id > ? ORDER BY task_id LIMIT ?"""


@dataclass(frozen=True)
class Difference:
    """``in_log``: the log itself is not what was written; else what is derived from it differs."""

    task_id: str
    what: str
    in_log: bool = False


def differences(sql: Sql) -> Iterator[Difference]:
    """Everything in which the database is not what the log says; nothing = it holds.

    Log, rows and history are walked side by side, so that however long they are, few tasks are in memory. Where
    somebody may write meanwhile, this is for a steady reading.
    """
    folded = ((task_id, _folded(rows)) for task_id, rows in groupby(log.everything(sql), key=itemgetter(0)))
    for task_id, (told, row, past) in abreast(folded, in_pages(sql, _ROWS), in_pages(sql, _HISTORY)):
        if told is None:
            found, derived = ["has no events"] if row else [], list[str]()
            found += ["stands in the history but has no events"] if past else []
        else:
            now, found = told
            derived = [*(_row(now, row) if row else ["has events but no row"]), *_past(now, past)]
        yield from (Difference(task_id, what, in_log=True) for what in found)
        yield from (Difference(task_id, what) for what in derived)
    yield from waiting(sql)
    yield from attempts(sql)
    yield from by_state(sql)
    yield from _sizes(sql)


def _folded(rows: Iterable[Raw]) -> tuple[Task | None, list[str]]:
    """The task that its events tell of, None when they tell nothing sound; and what is wrong with them."""
    previous, now, sound, wrong = log.GENESIS, None, True, list[str]()
    last = 0
    for raw in rows:
        task_id, n, at, actor, cause, chain, kind, data = raw
        if n != last + 1:
            wrong.append(text.missing_events(last + 1, n - 1))
            sound = False  # and what this one was chained to is not known
        elif chain != log.link(previous, task_id, n, kind, at, actor, cause, data):
            wrong.append(text.changed_event(n))
        previous, last = chain, n
        if not sound:
            continue
        try:
            data.isascii() or data.encode()  # lone surrogates stand for bytes that are no UTF-8
            now = task.advance(now, task_id, recorded.decode(kind, data), at, n)
        except (KeyError, TypeError, ValueError) as problem:
            sound = False
            wrong.append(text.unreadable_event(n, kind, text.why(problem)))
        except Refused as refusal:
            sound = False
            wrong.append(text.impossible_event(n, kind, refusal.reason))
    return (now if sound else None), wrong


def _row(wanted: Task | None, row: Row) -> list[str]:
    if wanted is None:
        return []  # its events are unsound, and that has been said
    (*columns, data), waits_in = row[1:15], row[15:]
    found = []
    if columns != _columns(wanted):
        found.append("its columns differ from its events")
    if not _same(data, wanted):
        found.append(f"its projection differs from its events: {_fields(data, wanted)}")
    own = (wanted.repo_id, json.dumps(wanted.requirements, ensure_ascii=False), wanted.reserved_for)
    if row[6] and waits_in != own:
        found.append("waits in a class that is not its own")
    return found


def _columns(wanted: Task) -> list[object]:
    return [
        *(wanted.repo_id, wanted.issue, wanted.generation, wanted.state.value, wanted.version, int(wanted.claimable)),
        *(wanted.priority, wanted.queued_at, wanted.changed_at, wanted.agent, wanted.fence, wanted.branch),
        wanted.pull_request,
    ]


def _same(data: str, wanted: Task) -> bool:
    """A row from before a field was added holds that field's default."""
    if data == task.encode(wanted):
        return True  # nearly always, and it takes half as long as to read it
    try:
        return task.decode(data) == wanted
    except (KeyError, TypeError, ValueError):
        return False


def _fields(data: str, wanted: Task) -> str:
    try:
        shown = task.decode(data)
    except (KeyError, TypeError, ValueError) as problem:
        return text.unreadable_projection(text.why(problem))
    return ", ".join(n for n in vars(wanted) if replace(shown, **{n: getattr(wanted, n)}) != shown)


def waiting(sql: Sql) -> Iterator[Difference]:
    """How many tasks wait in each class."""
    rows = sql.all(
        """SELECT class.id, class.waiting, (SELECT count(*) FROM task WHERE claimable = 1 AND class_id = class.id)
           FROM class"""
    )
    for class_id, kept, counted in rows:
        if kept != counted and not sql.many_writers:  # there the numbers are not kept
            yield Difference(f"class {class_id}", f"counts {kept} waiting tasks, there are {counted}")


def _past(wanted: Task | None, past: Row | None) -> list[str]:
    """What the history says of a task; how long it ran and what it cost are not in the log."""
    if wanted is None:
        return []  # its events are unsound, and that has been said
    told = (wanted.repo_id, wanted.issue, wanted.state.value, history.reason_of(wanted))
    if past and past[1:] == (*told, wanted.asked_by, wanted.created_at):
        return []
    return ["its line in the history differs from its events"]


def by_state(sql: Sql) -> Iterator[Difference]:
    """How many tasks are in each state."""
    kept = counters.tasks_by_state(sql)
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


def attempts(sql: Sql) -> Iterator[Difference]:
    """Every lease is an attempt's, and every attempt that runs has one."""
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
