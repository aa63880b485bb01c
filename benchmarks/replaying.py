"""Making all tasks anew from the log, against a cursor that only looks at its rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path

from benchmarks.measure import Figure, Wrong, per_sec
from bot.core import recorded, task
from bot.core.task import Task
from bot.store import Sql, Store, log


def measure(store: Store, path: Path, rounds: int) -> Iterator[Figure]:
    ratio = Figure("replay ÷ bare cursor scan", 0.45)
    whole = Figure("replay, seconds per 10⁶ events", 1.5, at_most=True)
    seen: dict[str, int] = {}

    def scan() -> int:
        with closing(sqlite3.connect(path)) as raw:
            rows = raw.execute("SELECT task_id, n, at, actor, cause, chain, kind, data FROM event")
            seen["scan"] = sum(1 for _ in rows)
        return seen["scan"]

    def replay() -> int:
        seen["replay"] = store.read(_replayed)
        return seen["replay"]

    for _ in range(rounds):
        base, ours = per_sec(scan), per_sec(replay)
        if seen["scan"] != seen["replay"]:
            raise Wrong(f"of {seen['scan']} events {seen['replay']} were replayed")
        detail = f"{seen['scan']} events, {ours:.0f}/s ÷ {base:.0f}/s"
        ratio.add(ours / base, detail)
        whole.add(1e6 / ours, detail)
    yield ratio
    yield whole


def _replayed(sql: Sql) -> int:
    """Folds the whole log, as `verify` does; returns how many events there were."""
    done = 0
    for task_id, rows in groupby(log.everything(sql), key=lambda raw: raw.task_id):
        state: Task | None = None
        for raw in rows:
            state = task.apply(state, task_id, recorded.decode(raw.kind, raw.data), raw.at, raw.n)
            done += 1
    return done
