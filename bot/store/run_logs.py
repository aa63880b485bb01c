"""What agents print, by attempt and position in bytes; bounded per attempt.

It is kept as it was sent, so that its digest can be held against the one that a receipt names, and cleaned when it is
read. A NUL, which no text column takes, stands there as DLE 0 (and DLE as DLE DLE).
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from bot.core import cleaning
from bot.store import retention
from bot.store.dialect import Sql
from bot.store.wakeups import CHANGED

#: Bytes kept per attempt; what comes after is counted, not kept.
MAX_BYTES: Final = 4 * 1024 * 1024
_MARK: Final = "\x10"
_MARKED: Final = re.compile(f"{_MARK}([{_MARK}0])")


def append(sql: Sql, task_id: str, fence: int, position: int, text: str) -> int:
    """Adds ``text`` that begins at byte ``position``; returns the position up to which the log is known now.

    Positions count the UTF-8 bytes the agent sent. What overlaps with earlier chunks is not stored again, a gap is not
    filled: the caller sends from the returned position.
    """
    known = int(sql.value("SELECT log_bytes FROM attempt WHERE task_id = ? AND fence = ?", task_id, fence) or 0)
    data = text.encode("utf-8", "replace")
    if position > known or position + len(data) <= known:
        return known
    fresh = data[known - position :]
    if known < MAX_BYTES:
        kept = _kept(fresh[: MAX_BYTES - known].decode(errors="replace"))
        if sql.run(
            "INSERT INTO log (task_id, fence, position, text) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            *(task_id, fence, known, kept),
        ):
            retention.added(sql, retention.LOGS, len(kept))
    end = known + len(fresh)
    sql.wake(CHANGED)
    sql.run("UPDATE attempt SET log_bytes = ? WHERE task_id = ? AND fence = ?", end, task_id, fence)
    return end


def read(sql: Sql, task_id: str, fence: int, position: int = 0) -> str:
    """What is kept from byte ``position`` on, safe to be shown."""
    rows = sql.all(
        """SELECT position, text FROM log WHERE task_id = ? AND fence = ? AND position >= coalesce(
           (SELECT max(position) FROM log WHERE task_id = ? AND fence = ? AND position <= ?), 0) ORDER BY position""",
        *(task_id, fence, task_id, fence, position),
    )
    if not rows:
        return ""
    data = "".join(_sent(r[1]) for r in rows).encode()
    return cleaning.plain(data[max(0, position - rows[0][0]) :].decode(errors="replace"), MAX_BYTES)


@dataclass(frozen=True)
class Chunk:
    """A piece of a log as it was sent, not cleaned; ``position`` is unique in it and rises."""

    position: int
    text: str


def chunks(sql: Sql, task_id: str, fence: int, after: int, limit: int) -> list[Chunk]:
    """Up to ``limit`` pieces behind the one at ``after`` (-1 = from the first on), in order."""
    rows = sql.all(
        "SELECT position, text FROM log WHERE task_id = ? AND fence = ? AND position > ? ORDER BY position LIMIT ?",
        *(task_id, fence, after, limit),
    )
    return [Chunk(row[0], _sent(row[1])) for row in rows]


def tail(sql: Sql, task_id: str, fence: int, characters: int, limit: int = 200, before: int = 2**62) -> list[Chunk]:
    """The last pieces at a position below ``before``, in order: as many as hold ``characters``, at most ``limit``."""
    found: list[Chunk] = []
    kept = 0
    while kept < characters and len(found) < limit:
        row = sql.one(
            """SELECT position, text FROM log WHERE task_id = ? AND fence = ? AND position < ?
               ORDER BY position DESC LIMIT 1""",
            *(task_id, fence, before),
        )
        if row is None:
            break
        found.append(Chunk(row[0], _sent(row[1])))
        before, kept = row[0], kept + len(row[1])
    return found[::-1]


def digest(sql: Sql, task_id: str, fence: int) -> tuple[str, int]:
    """SHA-256 (hex) and size in bytes of what is kept, as it was sent."""
    sha256, size = hashlib.sha256(), 0
    of = "FROM log WHERE task_id = ? AND fence = ?"
    for (position,) in sql.all(f"SELECT position {of} ORDER BY position", task_id, fence):
        data = _sent(str(sql.value(f"SELECT text {of} AND position = ?", task_id, fence, position))).encode()
        sha256.update(data)
        size += len(data)
    return sha256.hexdigest(), size


def forget(sql: Sql, before: float, limit: int = 1000) -> int:
    """Deletes pieces of the logs of attempts that ended before ``before``; returns how many, at most ``limit``."""
    gone = sql.all(
        """DELETE FROM log WHERE (task_id, fence, position) IN
           (SELECT log.task_id, log.fence, log.position FROM log
            JOIN attempt ON attempt.task_id = log.task_id AND attempt.fence = log.fence
            WHERE attempt.active = 0 AND attempt.ended_at < ? LIMIT ?)
           RETURNING length(text)""",
        *(before, limit),
    )
    return retention.took(sql, retention.LOGS, gone)


def _kept(text: str) -> str:
    return text.replace(_MARK, _MARK * 2).replace("\x00", f"{_MARK}0")


def _sent(kept: str) -> str:
    return _MARKED.sub(lambda found: "\x00" if found[1] == "0" else _MARK, kept)
