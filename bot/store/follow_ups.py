"""Issues that agents opened for work they came across, and from which issue."""

from dataclasses import dataclass

from bot.store.dialect import Row, Sql

_COLUMNS = "task_id, key, sha256, repo_id, parent, issue, depth, agent, taken_at"


@dataclass(frozen=True)
class FollowUp:
    """``key`` is the agent's, within its task; ``sha256`` what it asked for. ``issue`` 0 = it is being opened.

    ``parent`` is the number of the issue that it follows; ``depth`` 1 = that is no follow-up itself.
    """

    task_id: str
    key: str
    sha256: str
    repo_id: int
    parent: int
    issue: int
    depth: int
    agent: str
    taken_at: float


def find(sql: Sql, task_id: str, key: str) -> FollowUp | None:
    row = sql.one(f"SELECT {_COLUMNS} FROM follow_up WHERE task_id = ? AND key = ?", task_id, key)
    return _made(row) if row else None


def take(sql: Sql, one: FollowUp) -> None:
    """Before the issue is opened; takes a row over whose holder has died."""
    sql.run(
        f"""INSERT INTO follow_up ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)
            ON CONFLICT (task_id, key) DO UPDATE SET taken_at = excluded.taken_at""",
        *(one.task_id, one.key, one.sha256, one.repo_id, one.parent, one.depth, one.agent, one.taken_at),
    )


def opened(sql: Sql, task_id: str, key: str, issue: int) -> None:
    sql.run("UPDATE follow_up SET issue = ? WHERE task_id = ? AND key = ?", issue, task_id, key)


def free(sql: Sql, task_id: str, key: str) -> None:
    """The forge refused it: it may be asked for again."""
    sql.run("DELETE FROM follow_up WHERE task_id = ? AND key = ? AND issue = 0", task_id, key)


def let_go(sql: Sql, task_id: str, key: str) -> None:
    """What became of it on the forge is not known: it may be asked for again at once, and counts."""
    sql.run("UPDATE follow_up SET taken_at = 0 WHERE task_id = ? AND key = ? AND issue = 0", task_id, key)


def depth_of(sql: Sql, repo_id: int, issue: int) -> int:
    """0 for an issue that no agent opened."""
    return int(sql.value("SELECT max(depth) FROM follow_up WHERE repo_id = ? AND issue = ?", repo_id, issue) or 0)


def parent_of(sql: Sql, repo_id: int, issue: int) -> int:
    """The issue that this one follows, 0 for an issue that no agent opened."""
    return int(sql.value("SELECT parent FROM follow_up WHERE repo_id = ? AND issue = ?", repo_id, issue) or 0)


def of_issue(sql: Sql, repo_id: int, parent: int) -> list[FollowUp]:
    """Those opened from this issue, by whatever task of it, oldest first; and those being opened."""
    rows = sql.all(
        f"SELECT {_COLUMNS} FROM follow_up WHERE repo_id = ? AND parent = ? ORDER BY taken_at, key", repo_id, parent
    )
    return [_made(row) for row in rows]


def _made(row: Row) -> FollowUp:
    return FollowUp(*row)
