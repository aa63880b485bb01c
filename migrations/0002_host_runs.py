"""Hosts and runs on them: how each host stands, what may live there, up to where its output was read."""

from typing import Any

from bot.store.dialect import engine_types

TABLES = (
    """CREATE TABLE host_run (
        task_id TEXT NOT NULL, fence {int} NOT NULL, host TEXT NOT NULL, agent TEXT NOT NULL,
        started_at {real} NOT NULL, stdout_at {int} NOT NULL, stderr_at {int} NOT NULL,
        PRIMARY KEY (task_id, fence)){strict}""",
    """CREATE TABLE host (
        id TEXT PRIMARY KEY, state TEXT NOT NULL, why TEXT NOT NULL, since {real} NOT NULL,
        seen_at {real} NOT NULL){strict}""",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in TABLES:
        database.execute_sql(statement.format_map(types))
