"""Comments that the bot was made to write, so that they can be counted, edited and found again."""

from dataclasses import dataclass

from bot.store.dialect import Sql


@dataclass(frozen=True)
class Answer:
    """``target`` is its row in the outbox, ``kind`` "" when no later answer replaces it."""

    target: str
    kind: str
    marker: str
    at: float


def remember(sql: Sql, repo_id: int, number: int, answer: Answer) -> None:
    sql.run(
        """INSERT INTO answer (target, repo_id, number, kind, marker, at) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (target) DO NOTHING""",
        *(answer.target, repo_id, number, answer.kind, answer.marker, answer.at),
    )


def known(sql: Sql, target: str) -> bool:
    return sql.value("SELECT 1 FROM answer WHERE target = ?", target) is not None


def newest(sql: Sql, repo_id: int, number: int, kind: str, since: float) -> Answer | None:
    """The newest answer of its kind on this issue that is not older than ``since``."""
    row = sql.one(
        """SELECT target, kind, marker, at FROM answer WHERE repo_id = ? AND number = ? AND kind = ? AND kind <> ''
           AND at >= ? ORDER BY at DESC LIMIT 1""",
        *(repo_id, number, kind, since),
    )
    return Answer(*row) if row else None


def written_since(sql: Sql, repo_id: int, number: int, since: float) -> int:
    """How many comments the bot has written on this issue."""
    return int(
        sql.value("SELECT count(*) FROM answer WHERE repo_id = ? AND number = ? AND at >= ?", repo_id, number, since)
    )
