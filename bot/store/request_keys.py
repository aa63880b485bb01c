"""Idempotency keys of API requests: taken before the work begins, filled when it is done."""

from dataclasses import dataclass

from bot.store.dialect import Sql


@dataclass(frozen=True)
class Taken:
    """``task_id`` "" = the request is still being dealt with, since ``at``."""

    sha256: str
    task_id: str
    at: float


def find(sql: Sql, key: str) -> Taken | None:
    row = sql.one("SELECT sha256, task_id, created_at FROM request_key WHERE key = ?", key)
    return Taken(*row) if row else None


def take(sql: Sql, key: str, sha256: str, at: float) -> None:
    """Takes a free key, or takes one over whose holder has died."""
    sql.run(
        """INSERT INTO request_key (key, sha256, task_id, created_at) VALUES (?, ?, '', ?)
           ON CONFLICT (key) DO UPDATE SET created_at = excluded.created_at""",
        *(key, sha256, at),
    )


def fill(sql: Sql, key: str, task_id: str) -> None:
    sql.run("UPDATE request_key SET task_id = ? WHERE key = ?", task_id, key)


def free(sql: Sql, key: str) -> None:
    """The request was refused: it may be made again, mended."""
    sql.run("DELETE FROM request_key WHERE key = ? AND task_id = ''", key)


def forget(sql: Sql, before: float, limit: int = 1000) -> int:
    """Deletes keys first used before ``before``; returns how many, at most ``limit``."""
    return sql.run(
        "DELETE FROM request_key WHERE key IN (SELECT key FROM request_key WHERE created_at < ? LIMIT ?)",
        *(before, limit),
    )
