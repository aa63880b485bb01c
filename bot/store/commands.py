"""Which commands were dealt with, by the key that makes each happen once, and who gave how many."""

from bot.store.dialect import Sql


def known(sql: Sql, cause: str) -> bool:
    return sql.value("SELECT 1 FROM command WHERE cause = ?", cause) is not None


def any_of(sql: Sql, words: str) -> bool:
    """Whether a command of this comment or text was dealt with, on whichever line it stood."""
    statement = "SELECT 1 FROM command WHERE cause > ? AND cause < ? LIMIT 1"
    return sql.value(statement, f"{words}:", f"{words};") is not None


def remember(
    sql: Sql, cause: str, *, repo_id: int, number: int, person_id: int, person: str, words: str, at: float, outcome: str
) -> None:
    """Raises Duplicate when it was dealt with before."""
    sql.run(
        """INSERT INTO command (cause, repo_id, number, person_id, person, words, at, outcome)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        *(cause, repo_id, number, person_id, person, words, at, outcome),
    )


def given_since(sql: Sql, person_id: int, since: float, repo_id: int = 0) -> int:
    """How many commands the person gave; ``repo_id`` 0 = everywhere."""
    return int(
        sql.value(
            """SELECT count(*) FROM command WHERE person_id = ? AND at >= ? AND outcome IN ('done', 'refused')
               AND (repo_id = ? OR ? = 0)""",
            *(person_id, since, repo_id, repo_id),
        )
    )


def limited_since(sql: Sql, person_id: int, since: float) -> bool:
    """Whether the person was told that it is too many."""
    statement = "SELECT 1 FROM command WHERE person_id = ? AND at >= ? AND outcome = 'limited' LIMIT 1"
    return sql.value(statement, person_id, since) is not None


def began(sql: Sql, cause: str) -> float | None:
    """When this was first written down, None for never."""
    at = sql.value("SELECT at FROM command WHERE cause = ?", cause)
    return None if at is None else float(at)


def swept_to(sql: Sql, repo_id: int) -> float | None:
    """The forge's time up to which comments were read; None = never."""
    at = sql.value("SELECT swept_to FROM comment_sweep WHERE repo_id = ?", repo_id)
    return None if at is None else float(at)


def swept(sql: Sql, repo_id: int, to: float) -> None:
    sql.run(
        """INSERT INTO comment_sweep (repo_id, swept_to) VALUES (?, ?)
           ON CONFLICT (repo_id) DO UPDATE SET swept_to = max(comment_sweep.swept_to, excluded.swept_to)""",
        *(repo_id, to),
    )
