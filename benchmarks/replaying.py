"""Making all tasks anew from the log, against a cursor that only looks at its rows."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

from benchmarks import lives
from benchmarks.measure import Figure, Wrong, per_sec
from bot.core import recorded, task
from bot.core.task import Task
from bot.store import Sql, log, quick_verify, verify
from bot.store.replay import replay

#: Of so many tasks one is asked for its contents, to be compared.
_SAMPLE: Final = 997


def measure(path: Path, events: int, rounds: int) -> Iterator[Figure]:
    """A log of about so many events: finished lives, as most of a log is."""
    ratio = Figure("replay (lazy JSON) ÷ bare cursor scan", 0.45)
    lazy = Figure("replay (lazy JSON), seconds per 10⁶ events", 1.5, at_most=True)
    fold = Figure("full fold, seconds per 10⁶ events", None, at_most=True)
    quick = Figure("`verify --quick`, seconds per 10⁶ events", None, at_most=True)
    whole = Figure("`verify`, seconds per 10⁶ events", None, at_most=True)
    number = events // lives.EVENTS
    events = number * lives.EVENTS

    def scan() -> int:
        with closing(sqlite3.connect(path)) as raw:
            rows = raw.execute("SELECT task_id, n, at, actor, cause, chain, kind, data FROM event")
            return sum(1 for _ in rows)

    def counted(look: Callable[[Sql], int]) -> int:
        if (seen := store.read(look, steady=True)) != events:
            raise Wrong(f"of {events} events {seen} were replayed")
        return seen

    def clean(differences: Callable[[Sql], Iterator[verify.Difference]]) -> int:
        if found := store.read(lambda sql: list(differences(sql)), steady=True):
            raise Wrong(f"{found[0].task_id}: {found[0].what}")
        return events

    with closing(lives.made(path, number)) as store:
        for _ in range(rounds):
            base, ours = per_sec(scan), per_sec(lambda: counted(_replayed))
            ratio.add(ours / base, f"{events} events, {ours:.0f}/s ÷ {base:.0f}/s")
            lazy.add(1e6 / ours, f"{events} events, a bare scan takes {1e6 / base:.2f} s")
            for figure, act in (
                (fold, lambda: counted(_folded)),
                (quick, lambda: clean(quick_verify.differences)),
                (whole, lambda: clean(verify.differences)),
            ):
                speed = per_sec(act)
                figure.add(1e6 / speed, f"{speed:.0f}/s, {base / speed:.1f} × a bare scan")
        store.read(_compare)
    yield from (ratio, lazy, fold, quick, whole)


def _replayed(sql: Sql) -> int:
    """Follows every task by the kinds of its events; returns how many events there were."""
    return sum(one.outline.version for one in replay(sql))


def _folded(sql: Sql) -> int:
    """Folds the whole log, as `verify` does; returns how many events there were."""
    done = 0
    for task_id, rows in groupby(log.everything(sql), key=itemgetter(0)):
        state: Task | None = None
        for raw in rows:
            state = task.advance(state, task_id, recorded.decode(raw.kind, raw.data), raw.at, raw.n)
            done += 1
    return done


def _compare(sql: Sql) -> None:
    """What was followed is what the rows say, and a sample that is read in full is the full fold, byte by byte."""
    rows = {row[0]: row[1:] for row in sql.all("SELECT id, state, version, fence, queued_at, changed_at FROM task")}
    for number, one in enumerate(replay(sql)):
        told = one.outline
        seen = (told.state, told.version, told.fence, told.queued_at, told.changed_at)
        if told.missing or told.impossible or rows.pop(told.task_id, None) != seen:
            raise Wrong(f"{told.task_id} is not what its row says: {told}")
        if number % _SAMPLE == 0:
            full: Task | None = None
            for x in log.of_task(sql, told.task_id):
                full = task.apply(full, told.task_id, x.event, x.at, x.n)
            row = sql.value("SELECT data FROM task WHERE id = ?", told.task_id)
            if not full or not one.task or not task.encode(one.task) == task.encode(full) == row:
                raise Wrong(f"{told.task_id} is not what its events say")
    if rows:
        raise Wrong(f"{len(rows)} tasks were not replayed")
