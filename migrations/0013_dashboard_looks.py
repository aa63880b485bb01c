"""What the dashboard looks up: the queue in its order, the newest of each state, the latest runs."""

from typing import Any

from bot.store.dialect import engine_types

STATEMENTS = (
    "CREATE INDEX task_queue ON task (priority, queued_at, id) WHERE claimable = 1",
    "CREATE INDEX task_newest ON task (state, changed_at)",
    "CREATE INDEX task_repo_newest ON task (repo_id, state, changed_at)",
    "CREATE INDEX attempt_ended ON attempt (ended_at) WHERE ended_at > 0",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in STATEMENTS:
        database.execute_sql(statement.format_map(types))
