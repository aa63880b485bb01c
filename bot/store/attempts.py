"""Attempts: the lease, and what an agent has told about its run so far."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.core import modes
from bot.store import measures
from bot.store.dialect import Row, Sql
from bot.store.wakeups import CHANGED

_COLUMNS: Final = (
    "task_id, fence, agent, agent_type, host, mode, claim_id, claimed_at, lease_until, active, started_at, ended_at, "
    "outcome, last_sign_at, progress, checklist, status_seq, log_bytes, base_sha, result, usage, answer_sha256, "
    "answer, session, start_afresh, kind, onto_sha"
)


@dataclass(frozen=True)
class Attempt:
    """``outcome`` "" while it runs; ``result`` is what the checked bundle holds ({} before one came);

    ``answer`` is the reply to its completion, given again when the same completion is sent again. ``usage`` is
    ``{"models": […]}``, folded. ``session`` is the agent CLI's own ("" = not known); with ``start_afresh`` it is gone
    or full, and of no use to a later attempt. ``kind`` is first, retry, resume or rework; ``onto_sha`` the branch's tip
    when the source was a merge made for the attempt ("" = the source is that tip).
    """

    task_id: str
    fence: int
    agent: str
    agent_type: str
    host: str
    mode: str
    claim_id: str
    claimed_at: float
    lease_until: float
    active: bool
    started_at: float
    ended_at: float
    outcome: str
    last_sign_at: float
    progress: str
    checklist: tuple[tuple[str, bool], ...]
    status_seq: int
    log_bytes: int
    base_sha: str
    result: dict[str, Any]
    usage: dict[str, Any]
    answer_sha256: str
    answer: dict[str, Any]
    session: str
    start_afresh: bool
    kind: str
    onto_sha: str


def open_one(
    sql: Sql,
    task_id: str,
    fence: int,
    *,
    agent: str,
    agent_type: str,
    host: str,
    mode: str,
    claim_id: str,
    at: float,
    lease_until: float,
    kind: str = "",
) -> None:
    sql.later(
        f"INSERT INTO attempt ({_COLUMNS}) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, 0, '', ?, '', '[]', 0, 0, '', '{}', '{}', '', '{}', '', 0, ?, '')",
        *(task_id, fence, agent, agent_type, host, mode, claim_id, at, lease_until, at, kind),
    )


def of_unfinished(sql: Sql, repo_id: int) -> list[tuple[str, int]]:
    """(task, fence) of every attempt, over or not, of the repository's tasks that have not ended."""
    rows = sql.all(
        """SELECT attempt.task_id, attempt.fence FROM attempt JOIN task ON task.id = attempt.task_id
           WHERE task.repo_id = ? AND task.state NOT IN ('done', 'failed', 'cancelled')""",
        repo_id,
    )
    return [(r[0], r[1]) for r in rows]


def get(sql: Sql, task_id: str, fence: int) -> Attempt | None:
    row = sql.one(f"SELECT {_COLUMNS} FROM attempt WHERE task_id = ? AND fence = ?", task_id, fence)
    return _attempt(row) if row else None


def by_claim(sql: Sql, agent: str, claim_id: str) -> Attempt | None:
    row = sql.one(f"SELECT {_COLUMNS} FROM attempt WHERE agent = ? AND claim_id = ?", agent, claim_id)
    return _attempt(row) if row else None


def of_task(sql: Sql, task_id: str) -> list[Attempt]:
    """Oldest first."""
    return [_attempt(r) for r in sql.all(f"SELECT {_COLUMNS} FROM attempt WHERE task_id = ? ORDER BY fence", task_id)]


def running_of(sql: Sql, agent: str) -> list[Attempt]:
    return [_attempt(r) for r in sql.all(f"SELECT {_COLUMNS} FROM attempt WHERE agent = ? AND active = 1", agent)]


def count_running(sql: Sql, agent: str) -> int:
    return int(sql.value("SELECT count(*) FROM attempt WHERE agent = ? AND active = 1", agent))


def running_in_mode(sql: Sql, mode: str) -> list[Attempt]:
    """Oldest claim first."""
    rows = sql.all(f"SELECT {_COLUMNS} FROM attempt WHERE active = 1 AND mode = ? ORDER BY claimed_at", mode)
    return [_attempt(r) for r in rows]


def running_by_repo(sql: Sql) -> dict[int, int]:
    """How many run now, by repository id."""
    rows = sql.all(
        """SELECT task.repo_id, count(*) FROM attempt JOIN task ON task.id = attempt.task_id
           WHERE attempt.active = 1 GROUP BY task.repo_id"""
    )
    return {row[0]: int(row[1]) for row in rows}


def tasks_heard_since(sql: Sql, since: float) -> list[str]:
    """The tasks with an attempt that was heard of at or after ``since``."""
    rows = sql.all("SELECT DISTINCT task_id FROM attempt WHERE last_sign_at >= ? ORDER BY task_id", since)
    return [str(r[0]) for r in rows]


def last_host(sql: Sql, task_id: str) -> str:
    """The host that has the task's workspace: of its newest attempt on one that was not handed back; "" = none."""
    host = sql.value(
        """SELECT host FROM attempt WHERE task_id = ? AND mode = ? AND outcome <> 'handed back'
           ORDER BY fence DESC LIMIT 1""",
        *(task_id, modes.SSH_CLI),
    )
    return str(host or "")


def expired(sql: Sql, now: float) -> list[Attempt]:
    """Those whose lease is over; runs on hosts have none that could be: their supervisor knows how they stand.

    Nor has a workflow run whose job has not begun: it may wait for a runner for long.
    """
    rows = sql.all(
        f"""SELECT {_COLUMNS} FROM attempt WHERE active = 1 AND lease_until < ? AND mode <> ?
            AND NOT (mode = ? AND started_at = 0) ORDER BY lease_until""",
        *(now, modes.SSH_CLI, modes.ACTIONS),
    )
    return [_attempt(r) for r in rows]


def extend(sql: Sql, task_id: str, fence: int, *, at: float, lease_until: float) -> None:
    """A sign of life; a lease never gets shorter."""
    sql.later(
        """UPDATE attempt SET last_sign_at = max(last_sign_at, ?), lease_until = max(lease_until, ?)
           WHERE task_id = ? AND fence = ? AND active = 1""",
        *(at, lease_until, task_id, fence),
    )


def started(sql: Sql, task_id: str, fence: int, at: float) -> None:
    sql.later(
        "UPDATE attempt SET started_at = ? WHERE task_id = ? AND fence = ? AND started_at = 0", *(at, task_id, fence)
    )


def progressed(
    sql: Sql,
    task_id: str,
    fence: int,
    *,
    seq: int,
    progress: str,
    checklist: Sequence[tuple[str, bool]] | None,
    usage: dict[str, Any] | None,
    session: str = "",
) -> None:
    """What the agent says it is doing ("" = nothing new); an older ``seq`` than the last one changes nothing."""
    row = sql.one(
        "SELECT status_seq, checklist, usage, session, progress FROM attempt WHERE task_id = ? AND fence = ?",
        *(task_id, fence),
    )
    if row is None or seq < row[0]:
        return
    sql.wake(CHANGED)
    sql.run(
        """UPDATE attempt SET status_seq = ?, progress = ?, checklist = ?, usage = ?, session = ?
           WHERE task_id = ? AND fence = ?""",
        seq,
        progress or row[4],
        row[1] if checklist is None else json.dumps(checklist, ensure_ascii=False),
        row[2] if usage is None else json.dumps(usage, ensure_ascii=False),
        *(session or row[3], task_id, fence),
    )


def ended_with(
    sql: Sql, task_id: str, fence: int, *, session: str, start_afresh: bool, usage: dict[str, Any] | None
) -> None:
    """What the last word about a run adds: its session, whether that is of use again, and all that it used."""
    sql.later(
        """UPDATE attempt SET session = CASE WHEN ? <> '' THEN ? ELSE session END, start_afresh = ?,
           usage = CASE WHEN ? <> '' THEN ? ELSE usage END WHERE task_id = ? AND fence = ?""",
        *(session, session, int(start_afresh)),
        *([json.dumps(usage, ensure_ascii=False) if usage is not None else ""] * 2),
        *(task_id, fence),
    )


def source_given(sql: Sql, task_id: str, fence: int, base_sha: str, onto_sha: str = "") -> None:
    sql.later(
        "UPDATE attempt SET base_sha = ?, onto_sha = ? WHERE task_id = ? AND fence = ?",
        *(base_sha, onto_sha, task_id, fence),
    )


def result_came(sql: Sql, task_id: str, fence: int, result: dict[str, Any]) -> None:
    data = json.dumps(result, sort_keys=True, ensure_ascii=False)
    sql.later("UPDATE attempt SET result = ? WHERE task_id = ? AND fence = ?", data, task_id, fence)


def close(sql: Sql, task_id: str, fence: int, *, outcome: str, at: float) -> None:
    """The attempt is over, whoever ended it; the lease with it."""
    rows = sql.all(
        "SELECT fence, session, usage, active FROM attempt WHERE task_id = ? AND fence <= ? ORDER BY fence",
        *(task_id, fence),
    )
    if any(row[0] == fence and row[3] for row in rows):
        sql.later(
            "UPDATE attempt SET active = 0, outcome = ?, ended_at = ? WHERE task_id = ? AND fence = ?",
            *(outcome, at, task_id, fence),
        )
        told = [(row[0], row[1], json.loads(row[2])) for row in rows if row[2] != "{}"]
        measures.count_usage(sql, task_id, told, fence)


def answered(sql: Sql, task_id: str, fence: int, sha256: str, answer: dict[str, Any]) -> None:
    data = json.dumps(answer, sort_keys=True, ensure_ascii=False)
    sql.later(
        "UPDATE attempt SET answer_sha256 = ?, answer = ? WHERE task_id = ? AND fence = ?", sha256, data, task_id, fence
    )


def _attempt(row: Row) -> Attempt:
    values = list(row)
    values[9] = bool(values[9])
    values[15] = tuple((str(item), bool(ok)) for item, ok in json.loads(values[15]))
    for i in (19, 20, 22):
        values[i] = json.loads(values[i])
    values[24] = bool(values[24])
    return Attempt(*values)
