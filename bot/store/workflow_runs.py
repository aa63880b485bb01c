"""Workflow runs on the forge: those that were started for an attempt, and those that a task follows."""

from dataclasses import dataclass
from typing import Final

from bot.store.dialect import Sql
from bot.store.wakeups import WORK

_COLUMNS: Final = (
    "task_id, fence, claim_id, host, agent, repo_id, run_id, page, state, tries, begun_at, looked_at, live"
)

#: ``state`` of a run, as far as it was seen.
STARTING, RUNNER, APPROVAL, RUNNING, ENDING, OVER = "starting", "runner", "approval", "running", "ending", "over"


@dataclass(frozen=True)
class WorkflowRun:
    """``run_id`` 0: not known to be started yet, after ``tries`` tries. ``page`` is where people see it.

    ``live``: it takes a slot. Times in epoch seconds.
    """

    task_id: str
    fence: int
    claim_id: str
    host: str
    agent: str
    repo_id: int
    run_id: int
    page: str
    state: str
    tries: int
    begun_at: float
    looked_at: float
    live: bool


def begin(sql: Sql, task_id: str, fence: int, *, claim_id: str, host: str, agent: str, repo_id: int, at: float) -> None:
    """A run for this attempt is wanted from now on. Said again: nothing changes."""
    sql.run(
        f"INSERT INTO workflow_run ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 0, '', ?, 0, ?, 0, 1) ON CONFLICT DO NOTHING",
        *(task_id, fence, claim_id, host, agent, repo_id, STARTING, at),
    )


def get(sql: Sql, task_id: str, fence: int) -> WorkflowRun | None:
    row = sql.one(f"SELECT {_COLUMNS} FROM workflow_run WHERE task_id = ? AND fence = ?", task_id, fence)
    return _run(row) if row else None


def by_claim(sql: Sql, claim_id: str) -> WorkflowRun | None:
    row = sql.one(f"SELECT {_COLUMNS} FROM workflow_run WHERE claim_id = ?", claim_id)
    return _run(row) if row else None


def live(sql: Sql) -> list[WorkflowRun]:
    rows = sql.all(f"SELECT {_COLUMNS} FROM workflow_run WHERE live = 1 ORDER BY begun_at, task_id")
    return [_run(row) for row in rows]


def tried(sql: Sql, task_id: str, fence: int, at: float) -> None:
    """It is about to be started: whatever becomes of us, it may have been."""
    sql.run(
        "UPDATE workflow_run SET tries = tries + 1, looked_at = ? WHERE task_id = ? AND fence = ?", at, task_id, fence
    )


def started(sql: Sql, task_id: str, fence: int, run_id: int, page: str) -> None:
    sql.run(
        "UPDATE workflow_run SET run_id = ?, page = ? WHERE task_id = ? AND fence = ?", run_id, page, task_id, fence
    )


def looked_at(sql: Sql, task_id: str, fence: int, at: float) -> None:
    """It was looked for, and could not be seen."""
    sql.run("UPDATE workflow_run SET looked_at = ? WHERE task_id = ? AND fence = ?", at, task_id, fence)


def stands(sql: Sql, task_id: str, fence: int, state: str, at: float, page: str = "") -> None:
    """How it was last seen."""
    sql.run(
        """UPDATE workflow_run SET state = ?, looked_at = ?, page = CASE WHEN ? <> '' THEN ? ELSE page END
           WHERE task_id = ? AND fence = ?""",
        *(state, at, page, page, task_id, fence),
    )


def end(sql: Sql, task_id: str, fence: int) -> None:
    """It is over; its slot is free. The row stays, for its page."""
    if sql.run(
        "UPDATE workflow_run SET live = 0, state = ? WHERE task_id = ? AND fence = ? AND live = 1", OVER, task_id, fence
    ):
        sql.wake(WORK)


@dataclass(frozen=True)
class FollowedRun:
    """A task that is cancelled when somebody cancels this run."""

    task_id: str
    repo_id: int
    run_id: int
    asked_by: str
    looked_at: float


def follow(sql: Sql, task_id: str, repo_id: int, run_id: int, asked_by: str) -> None:
    """The newest run counts."""
    sql.run(
        """INSERT INTO followed_run (task_id, repo_id, run_id, asked_by, looked_at) VALUES (?, ?, ?, ?, 0)
           ON CONFLICT (task_id) DO UPDATE SET repo_id = excluded.repo_id, run_id = excluded.run_id,
           asked_by = excluded.asked_by""",
        *(task_id, repo_id, run_id, asked_by),
    )


def followed(sql: Sql) -> list[FollowedRun]:
    rows = sql.all("SELECT task_id, repo_id, run_id, asked_by, looked_at FROM followed_run ORDER BY task_id")
    return [FollowedRun(*row) for row in rows]


def looked(sql: Sql, task_id: str, at: float) -> None:
    sql.run("UPDATE followed_run SET looked_at = ? WHERE task_id = ?", at, task_id)


def unfollow(sql: Sql, task_id: str) -> None:
    sql.run("DELETE FROM followed_run WHERE task_id = ?", task_id)


def _run(row: tuple[object, ...]) -> WorkflowRun:
    values: list[object] = list(row)
    values[12] = bool(values[12])
    return WorkflowRun(*values)  # type: ignore[arg-type]
