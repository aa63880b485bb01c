"""Runs on hosts. A row stands from before a run is started until its host has nothing left of it."""

from dataclasses import dataclass

from bot.store.dialect import Sql
from bot.store.wakeups import WORK


@dataclass(frozen=True)
class HostRun:
    """``stdout_at`` and ``stderr_at``: bytes of its streams that the kept log covers. Times in epoch seconds."""

    task_id: str
    fence: int
    host: str
    agent: str
    started_at: float
    stdout_at: int
    stderr_at: int


_COLUMNS = "task_id, fence, host, agent, started_at, stdout_at, stderr_at"


def begin(sql: Sql, task_id: str, fence: int, host: str, agent: str, at: float) -> None:
    """Something of this attempt may be on the host from now on. Said again: nothing changes."""
    sql.run(
        f"INSERT INTO host_run ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, 0, 0) ON CONFLICT DO NOTHING",
        *(task_id, fence, host, agent, at),
    )


def get(sql: Sql, task_id: str, fence: int) -> HostRun | None:
    row = sql.one(f"SELECT {_COLUMNS} FROM host_run WHERE task_id = ? AND fence = ?", task_id, fence)
    return HostRun(*row) if row else None


def listed(sql: Sql) -> list[HostRun]:
    return [HostRun(*row) for row in sql.all(f"SELECT {_COLUMNS} FROM host_run ORDER BY task_id, fence")]


def earlier(sql: Sql, task_id: str, fence: int, host: str) -> list[HostRun]:
    """Runs of the task's earlier attempts that the host may still have."""
    rows = sql.all(
        f"SELECT {_COLUMNS} FROM host_run WHERE task_id = ? AND fence < ? AND host = ? ORDER BY fence",
        *(task_id, fence, host),
    )
    return [HostRun(*row) for row in rows]


def heard(sql: Sql, task_id: str, fence: int, stdout_at: int, stderr_at: int) -> None:
    """The kept log covers its output up to here."""
    sql.run(
        "UPDATE host_run SET stdout_at = ?, stderr_at = ? WHERE task_id = ? AND fence = ?",
        *(stdout_at, stderr_at, task_id, fence),
    )


def end(sql: Sql, task_id: str, fence: int) -> None:
    """The host has nothing of it any more; its slot is free."""
    if sql.run("DELETE FROM host_run WHERE task_id = ? AND fence = ?", task_id, fence):
        sql.wake(WORK)
