"""Who started work when: by label or by command, asked for or started."""

from bot.store.dialect import Sql


def note(sql: Sql, cause: str, person_id: int, repo_id: int, at: float) -> None:
    """Noting the same start twice is noting it once."""
    sql.run(
        "INSERT INTO started (cause, person_id, repo_id, at) VALUES (?, ?, ?, ?) ON CONFLICT (cause) DO NOTHING",
        *(cause, person_id, repo_id, at),
    )


def since(sql: Sql, person_id: int, at: float, repo_id: int = 0) -> int:
    """How many the person started at or after ``at``; ``repo_id`` 0 = everywhere."""
    statement = "SELECT count(*) FROM started WHERE person_id = ? AND at >= ? AND (repo_id = ? OR ? = 0)"
    return int(sql.value(statement, person_id, at, repo_id, repo_id))


def forget(sql: Sql, before: float, limit: int = 1000) -> int:
    """Deletes what is older; returns how many, at most ``limit``."""
    return sql.run(
        "DELETE FROM started WHERE cause IN (SELECT cause FROM started WHERE at < ? LIMIT ?)", *(before, limit)
    )
