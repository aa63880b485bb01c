"""What the dashboard shows at a glance: each look is bounded and goes by an index, however many tasks there are.

``repos`` is the repositories that may be seen, None for all of them.
"""

import heapq
import itertools
from collections.abc import Sequence

from bot.core import task
from bot.core.states import State
from bot.core.task import Task
from bot.store import classes, counters
from bot.store.dialect import Sql

#: Where rows must be counted, no more than this; the number then means "this many, or more".
MOST_COUNTED = 1000


def counts(sql: Sql, repos: Sequence[int] | None) -> dict[State, int]:
    """Tasks by state. For some repositories each is counted up to ``MOST_COUNTED``."""
    if repos is None:
        kept = counters.tasks_by_state(sql)
        return {state: kept.get(state.value, 0) for state in State}
    found = dict.fromkeys(State, 0)
    for repo_id, state in itertools.product(repos, State):
        found[state] += int(
            sql.value(
                "SELECT count(*) FROM (SELECT 1 FROM task WHERE repo_id = ? AND state = ? LIMIT ?) AS counted",
                *(repo_id, state.value, MOST_COUNTED),
            )
        )
    return {state: min(number, MOST_COUNTED) for state, number in found.items()}


def newest(sql: Sql, state: State, repos: Sequence[int] | None, limit: int) -> list[Task]:
    """The tasks in ``state`` that changed last, newest first."""
    if repos is None:
        rows = sql.all("SELECT data FROM task WHERE state = ? ORDER BY changed_at DESC LIMIT ?", state.value, limit)
        return [task.decode(row[0]) for row in rows]
    found: list[Task] = []
    for repo_id in repos:
        rows = sql.all(
            "SELECT data FROM task WHERE repo_id = ? AND state = ? ORDER BY changed_at DESC LIMIT ?",
            *(repo_id, state.value, limit),
        )
        found += [task.decode(row[0]) for row in rows]
    return heapq.nlargest(limit, found, key=lambda one: one.changed_at)


def queue(sql: Sql, repos: Sequence[int] | None, limit: int) -> list[tuple[int, Task]]:
    """The next of the queue with their places (1 = next), at most ``limit``."""
    if repos is None:
        rows = sql.all(
            "SELECT data FROM task WHERE claimable = 1 ORDER BY priority, queued_at, id LIMIT ?",
            limit,
        )
        return list(enumerate((task.decode(row[0]) for row in rows), 1))
    kinds = [class_id for class_id, key, _, _ in classes.waiting(sql, 1) if key.repo_id in repos]
    heads = itertools.chain.from_iterable(_of_class(sql, class_id, limit) for class_id in kinds)
    first = heapq.nsmallest(limit, heads, key=_order)
    return [(_place(sql, one), one) for one in first]


def waiting(sql: Sql, repos: Sequence[int] | None) -> int:
    """How many an agent could take now; where the numbers are not kept, each kind up to ``MOST_COUNTED``."""
    found = classes.waiting(sql, MOST_COUNTED)
    return sum(count for _, key, _, count in found if repos is None or key.repo_id in repos)


def run_times(sql: Sql, limit: int = 50) -> list[float]:
    """Seconds that the latest attempts took from claim to end, whatever came of them."""
    rows = sql.all(
        "SELECT ended_at - claimed_at FROM attempt WHERE ended_at > 0 ORDER BY ended_at DESC LIMIT ?",
        limit,
    )
    return [float(row[0]) for row in rows]


def running_by_agent(sql: Sql) -> dict[str, int]:
    """Attempts that run now, by agent."""
    return dict(sql.all("SELECT agent, count(*) FROM attempt WHERE active = 1 GROUP BY agent"))


def _of_class(sql: Sql, class_id: int, limit: int) -> list[Task]:
    rows = sql.all(
        "SELECT data FROM task WHERE claimable = 1 AND class_id = ? ORDER BY priority, queued_at, id LIMIT ?",
        *(class_id, limit),
    )
    return [task.decode(row[0]) for row in rows]


def _place(sql: Sql, of: Task) -> int:
    ahead = sql.value(
        """SELECT count(*) FROM (SELECT 1 FROM task WHERE claimable = 1 AND (priority, queued_at, id) < (?, ?, ?)
           LIMIT ?) AS ahead""",
        *(*_order(of), MOST_COUNTED),
    )
    return int(ahead) + 1


def _order(of: Task) -> tuple[int, float, str]:
    return of.priority, of.queued_at, of.id
