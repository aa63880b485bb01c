"""Long queues and long logs, written in bulk: sound events and rows, without the time that one by one would take."""

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.core import recorded, task
from bot.core.events import (
    AttemptLost,
    Claimed,
    Event,
    Merged,
    NothingToChange,
    PullRequestOpened,
    Reserved,
    ResultAccepted,
    Started,
)
from bot.core.facts import Repository
from bot.core.matching import Candidate
from bot.core.reasons import Reason
from bot.store import Sql, Store, agents, attempts, claims, classes, forge_facts, log, open_store, tasks
from bot.store.database import migrate
from bot.store.log import GENESIS, link
from tests.unit.core.samples import created

AT = 1000.0


def made(path: Path, waiting: int = 0) -> Store:
    """A new SQLite database with so many tasks in the queue."""
    migrate(path)
    store = open_store(path)
    repo = Repository(7, "ann/lab", "main", "http://forge/ann/lab.git", "http://forge/ann/lab")
    store.write(lambda sql: forge_facts.remember_repo(sql, repo, 1.0))
    if waiting:
        _queue(store, path, waiting)
    return store


def open_task(sql: Sql, task_id: str, issue: int) -> None:
    log.append(sql, None, task_id, created(issue=issue), cause=f"new:{task_id}", actor="person:ann", at=AT)


def open_tasks(sql: Sql, first: int, last: int) -> None:
    """Tasks of issues ``first`` to ``last``."""
    for n in range(first, last + 1):
        open_task(sql, f"t_{n:08d}", n)


def _queue(store: Store, path: Path, waiting: int) -> None:
    first = "t_00000001"
    store.write(lambda sql: open_task(sql, first, 1))
    with closing(sqlite3.connect(path)) as raw, raw:
        row = list(raw.execute("SELECT * FROM task").fetchone())
        names = [x[1] for x in raw.execute("PRAGMA table_info(task)")]
        event = recorded.encode(created(issue=1))
        seed = created(issue=1)
        numbers = range(2, waiting + 1)
        task_rows, event_rows = itertools.tee(numbers)
        at = {name: i for i, name in enumerate(names)}

        def rows() -> Iterator[list[Any]]:
            for n in task_rows:
                task_id, copy = f"t_{n:08d}", list(row)
                copy[at["id"]], copy[at["issue"]] = task_id, n
                copy[at["data"]] = row[at["data"]].replace(first, task_id).replace('"issue":1,', f'"issue":{n},')
                yield copy

        def of_events() -> Iterator[tuple[Any, ...]]:
            for n in event_rows:
                task_id, cause = f"t_{n:08d}", f"new:t_{n:08d}"
                data = event.replace('"issue":1,', f'"issue":{n},')
                chain = link(GENESIS, task_id, 1, seed.kind, AT, "person:ann", cause, data)
                yield task_id, 1, seed.kind, AT, "person:ann", cause, chain, data

        raw.executemany(f"INSERT INTO task VALUES ({', '.join('?' * len(names))})", rows())
        raw.executemany(
            "INSERT INTO event (task_id, n, kind, at, actor, cause, chain, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            of_events(),
        )
        raw.execute(
            """INSERT INTO history SELECT id, repo_id, issue, state, '', 'ann', '', queued_at, 0, 0, 0, -1, 0 FROM task
               WHERE true ON CONFLICT (task_id) DO NOTHING"""
        )
        raw.execute("UPDATE class SET waiting = (SELECT count(*) FROM task WHERE class_id = class.id)")
        raw.execute(
            """INSERT INTO counter (name, labels, value) SELECT 'tasks', state, count(*) FROM task GROUP BY state
               ON CONFLICT (name, labels) DO UPDATE SET value = excluded.value"""
        )
        raw.execute("ANALYZE")


def happens(sql: Sql, task_id: str, event: Event, cause: str) -> task.Task:
    return log.append(sql, tasks.get(sql, task_id), task_id, event, cause=cause, actor="fleet", at=AT)


def claim(sql: Sql, agent: str, capability: str = "python") -> str | None:
    """Match, lease, fence, event: what a dequeue writes."""
    agents.lock(sql, agent)
    who = Candidate(agent, "codex-cli", frozenset({capability}), ())
    before = claims.next_task(sql, who, take=True)
    if before is None:
        return None
    task_id, fence = before.id, before.fence + 1
    attempts.open_one(
        sql, task_id, fence, agent=agent, agent_type="codex-cli", host="h", mode="http_pull", claim_id="",
        at=AT, lease_until=AT + 60,
    )  # fmt: skip
    event = Claimed(fence, agent, "codex-cli", "h", "http_pull")
    log.append(sql, before, task_id, event, cause=f"claim:{task_id}:{fence}", actor=f"agent:{agent}", at=AT)
    return task_id


def lost_and_claimed_again(sql: Sql, tasks_left: int) -> None:
    """Everything that waits is handed out, lost, and handed out to somebody else."""
    for _ in range(tasks_left):
        task_id = claim(sql, "gpu-1")
        if task_id is None:
            raise RuntimeError("nothing waits")
        happens(sql, task_id, AttemptLost(1, Reason.LOST, 60), f"lost:{task_id}")
        attempts.close(sql, task_id, 1, outcome="lost", at=AT)
        happens(sql, task_id, Reserved("gpu-2"), f"for:{task_id}")
        if claim(sql, "gpu-2") != task_id:
            raise RuntimeError("another task was waiting")


def complete(sql: Sql, task_id: str, fence: int = 0) -> None:
    """The end of an attempt (0: the newest), which found nothing to change: under its fence, the lease with it."""
    before = tasks.get(sql, task_id)
    fence = fence or before.fence
    event, cause = NothingToChange(fence, "nothing"), f"done:{task_id}:{fence}"
    log.append(sql, before, task_id, event, cause=cause, actor="fleet", at=AT)
    attempts.close(sql, task_id, fence, outcome="no_change", at=AT)


def whole_life(sql: Sql, number: int) -> None:
    """A task from its issue to the merge, in six events."""
    task_id, sha = f"t_{number:08d}", f"{number:040x}"
    open_task(sql, task_id, number)
    if claim(sql, "gpu-1") != task_id:
        raise RuntimeError("another task was waiting")
    attempts.started(sql, task_id, 1, AT)
    happens(sql, task_id, Started(1), f"start:{task_id}:1")
    digests = (f"{number:064x}",) * 3
    happens(sql, task_id, ResultAccepted(1, sha, sha, 1, 2, 30, 4, *digests), f"result:{task_id}:1")
    attempts.close(sql, task_id, 1, outcome="done", at=AT)
    happens(sql, task_id, PullRequestOpened(number), f"pull:{task_id}")
    happens(sql, task_id, Merged(number, "ann", sha), f"merged:{task_id}")


def whole_lives(sql: Sql, first: int, last: int) -> None:
    for n in range(first, last + 1):
        whole_life(sql, n)


def what_waits(sql: Sql) -> int:
    return sum(n for *_, n in classes.waiting(sql))
