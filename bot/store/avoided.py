"""Agents that had better not try a task again for a while: it failed there through the agent's or its host's fault."""

from bot.store.dialect import Sql


def put(sql: Sql, task_id: str, agent: str, until: float) -> None:
    sql.run(
        """INSERT INTO avoided (task_id, agent, until) VALUES (?, ?, ?)
           ON CONFLICT (task_id, agent) DO UPDATE SET until = excluded.until""",
        *(task_id, agent, until),
    )


def by(sql: Sql, agent: str, now: float) -> list[str]:
    """The tasks that are not for this agent now."""
    return [str(r[0]) for r in sql.all("SELECT task_id FROM avoided WHERE agent = ? AND until > ?", agent, now)]


def forget(sql: Sql, task_id: str) -> None:
    sql.run("DELETE FROM avoided WHERE task_id = ?", task_id)
