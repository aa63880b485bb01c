"""Which files agents handed in; their bytes lie in the data folder under their digest."""

from dataclasses import dataclass

from bot.store import retention
from bot.store.dialect import Sql


@dataclass(frozen=True)
class Artifact:
    """``size`` in bytes, ``sha256`` of the bytes as they came."""

    task_id: str
    fence: int
    name: str
    sha256: str
    size: int
    created_at: float


def put(sql: Sql, one: Artifact) -> None:
    """Raises Duplicate when the attempt has one of that name."""
    sql.run(
        "INSERT INTO artifact (task_id, fence, name, sha256, size, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        *(one.task_id, one.fence, one.name, one.sha256, one.size, one.created_at),
    )
    retention.added(sql, retention.ARTIFACTS, one.size)


def of_attempt(sql: Sql, task_id: str, fence: int) -> list[Artifact]:
    """By name."""
    rows = sql.all(
        """SELECT task_id, fence, name, sha256, size, created_at FROM artifact
           WHERE task_id = ? AND fence = ? ORDER BY name""",
        *(task_id, fence),
    )
    return [Artifact(*r) for r in rows]


def wanted(sql: Sql, sha256: str) -> bool:
    """Whether some attempt still has a file of this digest."""
    return sql.value("SELECT 1 FROM artifact WHERE sha256 = ?", sha256) is not None


def forget(sql: Sql, before: float, limit: int = 1000) -> int:
    """Forgets files of attempts that ended before ``before``; returns how many, at most ``limit``."""
    gone = sql.all(
        """DELETE FROM artifact WHERE (task_id, fence, name) IN
           (SELECT artifact.task_id, artifact.fence, artifact.name FROM artifact
            JOIN attempt ON attempt.task_id = artifact.task_id AND attempt.fence = artifact.fence
            WHERE attempt.active = 0 AND attempt.ended_at < ? LIMIT ?)
           RETURNING size""",
        *(before, limit),
    )
    return retention.took(sql, retention.ARTIFACTS, gone)
