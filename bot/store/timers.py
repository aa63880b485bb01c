"""Timers as rows, so that they survive restarts."""

from dataclasses import dataclass

from bot.store.dialect import Sql


@dataclass(frozen=True)
class Timer:
    """``fence`` 0 = not about one attempt."""

    key: str
    kind: str
    due_at: float
    task_id: str
    fence: int


def arm(sql: Sql, timer: Timer) -> None:
    """Sets the timer; one with the same key is moved."""
    sql.later(
        """INSERT INTO timer (key, kind, due_at, task_id, fence) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, due_at = excluded.due_at,
           task_id = excluded.task_id, fence = excluded.fence""",
        *(timer.key, timer.kind, timer.due_at, timer.task_id, timer.fence),
    )


def armed(sql: Sql, key: str) -> float | None:
    """When the timer is due, None when it is not set."""
    at = sql.value("SELECT due_at FROM timer WHERE key = ?", key)
    return None if at is None else float(at)


def disarm(sql: Sql, key: str, *, due_at: float | None = None) -> None:
    """``due_at``: only as it was set then, not when it has been moved since."""
    sql.later("DELETE FROM timer WHERE key = ? AND due_at = coalesce(?, due_at)", key, due_at)


def due(sql: Sql, now: float, limit: int = 200) -> list[Timer]:
    rows = sql.all(
        "SELECT key, kind, due_at, task_id, fence FROM timer WHERE due_at <= ? ORDER BY due_at, key LIMIT ?", now, limit
    )
    return [Timer(*r) for r in rows]


def next_due(sql: Sql) -> float | None:
    at = sql.value("SELECT min(due_at) FROM timer")
    return None if at is None else float(at)
