"""Words of people for an agent that works; given out once, and kept in the log for later attempts."""

from bot.store.dialect import Sql


def put(sql: Sql, task_id: str, fence: int, person: str, sha256: str) -> None:
    n = int(sql.value("SELECT count(*) FROM message WHERE task_id = ? AND fence = ?", task_id, fence)) + 1
    sql.run(
        "INSERT INTO message (task_id, fence, n, person, sha256, given) VALUES (?, ?, ?, ?, ?, 0)",
        *(task_id, fence, n, person, sha256),
    )


def waiting(sql: Sql, task_id: str, fence: int) -> list[tuple[int, str, str]]:
    """(n, person, digest of the words) of what was not given out yet."""
    rows = sql.all(
        "SELECT n, person, sha256 FROM message WHERE task_id = ? AND fence = ? AND given = 0 ORDER BY n", task_id, fence
    )
    return [(r[0], r[1], r[2]) for r in rows]


def given(sql: Sql, task_id: str, fence: int, n: int) -> None:
    sql.run("UPDATE message SET given = 1 WHERE task_id = ? AND fence = ? AND n <= ?", task_id, fence, n)
