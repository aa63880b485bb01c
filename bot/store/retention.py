"""How much is kept of what may go, and what is oldest of it.

Sizes are counters, changed in the transaction of what they count; of texts they count characters. Whatever a task
that is not over could still need, and every signed receipt, is nothing that may go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.store import counters
from bot.store.dialect import Row, Sql

PAYLOADS: Final = "payloads"
LOGS: Final = "logs"
ARTIFACTS: Final = "artifacts"
RECEIPTS: Final = "receipts"
KINDS: Final = (PAYLOADS, LOGS, ARTIFACTS, RECEIPTS)
#: Looked at in one go.
_AT_ONCE: Final = 500
#: A claim, its log and its files are read until the attempt's receipt is signed, which a timer or a wish waits for.
_OVER: Final = """task.state IN ('done', 'failed', 'cancelled')
              AND task.id NOT IN (SELECT task_id FROM timer)
              AND task.id NOT IN (SELECT task_id FROM outbox WHERE state = 'pending')"""

_OLDEST: Final[Mapping[str, str]] = {
    PAYLOADS: "SELECT id, length(body) FROM inbox WHERE state = 'done' ORDER BY id LIMIT ?",
    # By what was sent, which is at least what is kept: to measure texts is to read them all.
    LOGS: f"""SELECT attempt.task_id, attempt.fence, attempt.log_bytes FROM attempt
              JOIN task ON task.id = attempt.task_id WHERE attempt.active = 0 AND {_OVER} AND EXISTS
              (SELECT 1 FROM log WHERE log.task_id = attempt.task_id AND log.fence = attempt.fence)
              ORDER BY attempt.ended_at, attempt.task_id, attempt.fence LIMIT ?""",
    ARTIFACTS: f"""SELECT artifact.task_id, artifact.fence, artifact.name, artifact.size FROM artifact
              JOIN attempt ON attempt.task_id = artifact.task_id AND attempt.fence = artifact.fence
              JOIN task ON task.id = artifact.task_id WHERE attempt.active = 0 AND {_OVER}
              ORDER BY attempt.ended_at, artifact.task_id, artifact.fence, artifact.name LIMIT ?""",
    RECEIPTS: f"""SELECT receipt.id, length(receipt.body) FROM receipt JOIN task ON task.id = receipt.task_id
              WHERE {_OVER} ORDER BY receipt.created_at, receipt.id LIMIT ?""",
}
_DELETE: Final[Mapping[str, str]] = {
    PAYLOADS: "DELETE FROM inbox WHERE id = ? AND state = 'done' RETURNING length(body)",
    LOGS: f"""DELETE FROM log WHERE task_id = ? AND fence = ? AND EXISTS
              (SELECT 1 FROM task WHERE task.id = log.task_id AND {_OVER}) RETURNING length(text)""",
    ARTIFACTS: f"""DELETE FROM artifact WHERE task_id = ? AND fence = ? AND name = ? AND EXISTS
              (SELECT 1 FROM task WHERE task.id = artifact.task_id AND {_OVER}) RETURNING size""",
    RECEIPTS: f"""DELETE FROM receipt WHERE id = ? AND EXISTS
              (SELECT 1 FROM task WHERE task.id = receipt.task_id AND {_OVER}) RETURNING length(body)""",
}


@dataclass(frozen=True)
class Piece:
    """Something that may go, known by its ``key``; ``size`` in bytes or characters."""

    key: tuple[object, ...]
    size: int


def kept(sql: Sql) -> dict[str, int]:
    """The size of each kind."""
    found = counters.everything(sql).get(counters.KEPT, {})
    return {kind: int(found.get((kind,), 0)) for kind in KINDS}


def measured(sql: Sql) -> dict[str, int]:
    """The same, from the rows themselves: reads everything."""
    return {
        PAYLOADS: int(sql.value("SELECT coalesce(sum(length(body)), 0) FROM inbox")),
        LOGS: int(sql.value("SELECT coalesce(sum(length(text)), 0) FROM log")),
        ARTIFACTS: int(sql.value("SELECT coalesce(sum(size), 0) FROM artifact")),
        RECEIPTS: int(sql.value("SELECT coalesce(sum(length(body)), 0) FROM receipt")),
    }


def oldest(sql: Sql, kind: str, excess: int) -> list[Piece]:
    """The oldest that make up ``excess`` at the most, or all that may go now (at most 500)."""
    pieces: list[Piece] = []
    for row in sql.all(_OLDEST[kind], _AT_ONCE):
        if excess <= 0:
            break
        pieces.append(Piece(row[:-1], int(row[-1] or 0)))
        excess -= pieces[-1].size
    return pieces


def drop(sql: Sql, kind: str, pieces: Sequence[Piece]) -> int:
    """Deletes those that still may go; returns how many rows went."""
    gone: list[Row] = []
    for piece in pieces:
        gone += sql.all(_DELETE[kind], *piece.key)
    return took(sql, kind, gone)


def took(sql: Sql, kind: str, sizes: Sequence[Row]) -> int:
    """Counts deleted rows, given by their sizes; returns how many they are."""
    if sizes:
        counters.add(sql, counters.KEPT, kind, by=-float(sum(int(row[0]) for row in sizes)))
    return len(sizes)


def added(sql: Sql, kind: str, size: int) -> None:
    counters.add(sql, counters.KEPT, kind, by=float(size))
