"""Counters kept in the database: whichever process counts, there is one sum.

A counter is a name and its label values; what the labels are called is said where it is shown (`bot/web/metrics.py`).
"""

from collections.abc import Sequence
from typing import Final

from bot.store.dialect import Sql

_SEPARATOR: Final = "\x1f"
REJECTED: Final = "rejected"
WEBHOOKS: Final = "webhooks"
FORGE_ERRORS: Final = "forge_errors"
EVENTS: Final = "events"
RETRIES: Final = "retries"
FAILURES: Final = "failures"
DISPATCH: Final = "dispatch"
COST: Final = "cost"
TOKENS: Final = "tokens"
#: Tasks by state; goes up and down with the projection, unlike all others.
TASKS: Final = "tasks"


def add(sql: Sql, name: str, *labels: str, by: float = 1.0) -> None:
    sql.run(
        """INSERT INTO counter (name, labels, value) VALUES (?, ?, ?)
           ON CONFLICT (name, labels) DO UPDATE SET value = counter.value + excluded.value""",
        *(name, _SEPARATOR.join(labels), by),
    )


def observe(sql: Sql, name: str, value: float, bounds: Sequence[float]) -> None:
    """One value of a histogram: its bucket (not cumulative; beyond the last bound ``+Inf``) and the sum."""
    bucket = next((f"{bound:g}" for bound in bounds if value <= bound), "+Inf")
    add(sql, f"{name}_bucket", bucket)
    add(sql, f"{name}_sum", by=value)


def everything(sql: Sql) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by name and labels. As many rows as there are label values, however many tasks."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for name, labels, value in sql.all("SELECT name, labels, value FROM counter ORDER BY name, labels"):
        found.setdefault(name, {})[tuple(labels.split(_SEPARATOR))] = value
    return found


def rejected_webhooks(sql: Sql) -> float:
    """Webhooks whose signature was wrong."""
    return float(sql.value("SELECT value FROM counter WHERE name = ? AND labels = ?", WEBHOOKS, REJECTED) or 0.0)
