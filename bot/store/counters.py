"""Counters kept in the database: whichever process counts, there is one sum.

Counting costs one statement per transaction, however much it counts. Transactions that run side by side would wait for
each other's counters, so they add rows of their own (``counter_step``), which are summed up now and then.

A counter is a name and its label values; what the labels are called is said where it is shown (`bot/web/metrics.py`).
"""

from collections.abc import Sequence
from typing import Final

from bot.store.dialect import Sql

_SEPARATOR: Final = "\x1f"
_ADDED: Final = "ON CONFLICT (name, labels) DO UPDATE SET value = counter.value + excluded.value"
_MANY_STEPS: Final = 500
REJECTED: Final = "rejected"
WEBHOOKS: Final = "webhooks"
FORGE_ERRORS: Final = "forge_errors"
EVENTS: Final = "events"
RETRIES: Final = "retries"
FAILURES: Final = "failures"
DISPATCH: Final = "dispatch"
COST: Final = "cost"
TOKENS: Final = "tokens"
#: Bytes of what may go, by kind; goes up and down too.
KEPT: Final = "kept_bytes"
#: Tasks by state; goes up and down with the projection, unlike all others.
TASKS: Final = "tasks"


def add(sql: Sql, name: str, *labels: str, by: float = 1.0) -> None:
    """Seen by others, and by ``everything``, after the transaction."""
    key = (name, _SEPARATOR.join(labels))
    sql.counted[key] = sql.counted.get(key, 0.0) + by


def keep(sql: Sql) -> None:
    """Writes what was counted in this transaction; its last statement."""
    counted = [(*key, by) for key, by in sorted(sql.counted.items()) if by]
    if not counted:
        return
    rows = ", ".join(["(?, ?, ?)"] * len(counted))
    values = [value for row in counted for value in row]
    if sql.shared:
        sql.later(f"INSERT INTO counter_step (name, labels, value) VALUES {rows}", *values)
    else:
        sql.later(f"INSERT INTO counter (name, labels, value) VALUES {rows} {_ADDED}", *values)


def steps_left(sql: Sql) -> bool:
    """Whether there are so many rows of transactions that ran side by side that summing them up is worth it."""
    return sql.value("SELECT 1 FROM counter_step LIMIT 1 OFFSET ?", _MANY_STEPS) is not None


def sum_up(sql: Sql) -> None:
    """Not in a shared transaction: none may add a row meanwhile."""
    sql.run(
        "INSERT INTO counter (name, labels, value) SELECT name, labels, sum(value) FROM counter_step"
        f" GROUP BY name, labels {_ADDED}"
    )
    sql.run("DELETE FROM counter_step")


def observe(sql: Sql, name: str, value: float, bounds: Sequence[float]) -> None:
    """One value of a histogram: its bucket (not cumulative; beyond the last bound ``+Inf``) and the sum."""
    bucket = next((f"{bound:g}" for bound in bounds if value <= bound), "+Inf")
    add(sql, f"{name}_bucket", bucket)
    add(sql, f"{name}_sum", by=value)


def everything(sql: Sql) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by name and labels. As many rows as there are label values, however many tasks."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for name, labels, value in sql.all(
        """SELECT name, labels, sum(value) FROM (SELECT name, labels, value FROM counter
           UNION ALL SELECT name, labels, value FROM counter_step) AS kept
           GROUP BY name, labels ORDER BY name, labels"""
    ):
        found.setdefault(name, {})[tuple(labels.split(_SEPARATOR))] = value
    return found


def tasks_by_state(sql: Sql) -> dict[str, int]:
    """States with no task are left out."""
    return {labels[0]: int(value) for labels, value in everything(sql).get(TASKS, {}).items() if value}


def rejected_webhooks(sql: Sql) -> float:
    """Webhooks whose signature was wrong."""
    return everything(sql).get(WEBHOOKS, {}).get((REJECTED,), 0.0)
