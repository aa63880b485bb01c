"""What agents print, by attempt and position in bytes; bounded per attempt."""

import hashlib
from typing import Final

from bot.core import cleaning
from bot.store.dialect import Sql

#: Bytes kept per attempt; what comes after is counted, not kept.
MAX_BYTES: Final = 4 * 1024 * 1024


def append(sql: Sql, task_id: str, fence: int, position: int, text: str) -> int:
    """Adds ``text`` that begins at byte ``position``; returns the position up to which the log is known now.

    Positions count the UTF-8 bytes the agent sent; what is kept of them is cleaned. What overlaps with earlier chunks
    is not stored again, a gap is not filled: the caller sends from the returned position.
    """
    known = int(sql.value("SELECT log_bytes FROM attempt WHERE task_id = ? AND fence = ?", task_id, fence) or 0)
    data = text.encode("utf-8", "replace")
    if position > known or position + len(data) <= known:
        return known
    fresh = data[known - position :]
    if known < MAX_BYTES:
        kept = cleaning.plain(fresh[: MAX_BYTES - known].decode(errors="replace"), MAX_BYTES)
        sql.run(
            "INSERT INTO log (task_id, fence, position, text) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            *(task_id, fence, known, kept),
        )
    end = known + len(fresh)
    sql.run("UPDATE attempt SET log_bytes = ? WHERE task_id = ? AND fence = ?", end, task_id, fence)
    return end


def read(sql: Sql, task_id: str, fence: int, position: int = 0) -> str:
    """What is kept from byte ``position`` on; inside a chunk that was cleaned, from about there."""
    rows = sql.all(
        """SELECT position, text FROM log WHERE task_id = ? AND fence = ? AND position >= coalesce(
           (SELECT max(position) FROM log WHERE task_id = ? AND fence = ? AND position <= ?), 0) ORDER BY position""",
        *(task_id, fence, task_id, fence, position),
    )
    if not rows:
        return ""
    data = "".join(r[1] for r in rows).encode()
    return data[max(0, position - rows[0][0]) :].decode(errors="replace")


def digest(sql: Sql, task_id: str, fence: int) -> tuple[str, int]:
    """SHA-256 (hex) and size in bytes of what is kept."""
    sha256, size = hashlib.sha256(), 0
    of = "FROM log WHERE task_id = ? AND fence = ?"
    for (position,) in sql.all(f"SELECT position {of} ORDER BY position", task_id, fence):
        data = str(sql.value(f"SELECT text {of} AND position = ?", task_id, fence, position)).encode()
        sha256.update(data)
        size += len(data)
    return sha256.hexdigest(), size


def forget(sql: Sql, before: float, limit: int = 1000) -> int:
    """Deletes pieces of the logs of attempts that ended before ``before``; returns how many, at most ``limit``."""
    return sql.run(
        """DELETE FROM log WHERE (task_id, fence, position) IN
           (SELECT log.task_id, log.fence, log.position FROM log
            JOIN attempt ON attempt.task_id = log.task_id AND attempt.fence = log.fence
            WHERE attempt.active = 0 AND attempt.ended_at < ? LIMIT ?)""",
        *(before, limit),
    )
