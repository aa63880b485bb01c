"""What is waiting now, each found by an index: the cost does not grow with the number of tasks."""

import heapq
from dataclasses import dataclass
from typing import Final

from bot.core.matching import PRIORITIES
from bot.core.states import ACTIVE
from bot.store.classes import waiting as classes_that_wait
from bot.store.dialect import Sql

#: Kinds of work shown apart; more would make the scraper's memory grow.
MOST_CLASSES: Final = 100
#: Rows counted at most where rows must be counted: beyond that the number says "very many".
_MOST_ROWS: Final = 100_000


@dataclass(frozen=True)
class Waiting:
    """``oldest_at`` 0 = nothing waits. Epoch seconds."""

    count: int
    oldest_at: float


def unchanged_since(sql: Sql) -> dict[str, float]:
    """For each state that is not final, when the task that rests there longest last changed."""
    found = {}
    for state in ACTIVE:
        at = sql.value(
            """SELECT min(changed_at) FROM task WHERE state = ? AND state NOT IN ('done', 'failed', 'cancelled')""",
            state.value,
        )
        if at is not None:
            found[state.value] = float(at)
    return found


def classes(sql: Sql) -> dict[str, Waiting]:
    """The queue by what its tasks need, the fullest classes only; repositories are not named."""
    found: dict[str, Waiting] = {}
    fullest = heapq.nlargest(MOST_CLASSES, classes_that_wait(sql, _MOST_ROWS), key=lambda one: one[3])
    for class_id, key, _, waiting in fullest:
        name = ",".join(key.requirements) or "any"
        before = found.get(name, Waiting(0, 0.0))
        heads = [_head(sql, class_id, priority) for priority in range(len(PRIORITIES))]
        oldest = min((at for at in (*heads, before.oldest_at or None) if at is not None), default=0.0)
        found[name] = Waiting(before.count + waiting, oldest)
    return found


def outbox(sql: Sql) -> Waiting:
    at = sql.value("SELECT min(wished_at) FROM outbox WHERE state = 'pending'")
    return Waiting(_counted(sql, "outbox WHERE state = 'pending'"), float(at or 0.0))


def inbox(sql: Sql) -> Waiting:
    """Webhooks that were taken and not dealt with yet."""
    at = sql.value("SELECT received_at FROM inbox WHERE state = 'new' ORDER BY next_at, id LIMIT 1")
    return Waiting(_counted(sql, "inbox WHERE state = 'new'"), float(at or 0.0))


def slots(sql: Sql) -> tuple[int, int]:
    """How many tasks run, and how many could with the agents that are online."""
    running = sql.value("SELECT count(*) FROM attempt WHERE active = 1")
    offered = sql.value("SELECT sum(max_concurrency) FROM agent WHERE status = 'online'")
    return int(running), int(offered or 0)


def agents(sql: Sql) -> dict[str, int]:
    return dict(sql.all("SELECT status, count(*) FROM agent GROUP BY status"))


def _head(sql: Sql, class_id: int, priority: int) -> float | None:
    at = sql.value(
        "SELECT min(queued_at) FROM task WHERE claimable = 1 AND class_id = ? AND priority = ?", class_id, priority
    )
    return None if at is None else float(at)


def _counted(sql: Sql, where: str) -> int:
    return int(sql.value(f"SELECT count(*) FROM (SELECT 1 FROM {where} LIMIT {_MOST_ROWS}) AS found"))
