"""Who started how much, and issues that agents opened for work they came across."""

from typing import Any

from bot.store.dialect import engine_types

TABLES = (
    """CREATE TABLE started (
        cause TEXT PRIMARY KEY, person_id {int} NOT NULL, repo_id {int} NOT NULL, at {real} NOT NULL){strict}""",
    "CREATE INDEX started_person ON started (person_id, at)",
    """CREATE TABLE follow_up (
        task_id TEXT NOT NULL, key TEXT NOT NULL, sha256 TEXT NOT NULL, repo_id {int} NOT NULL, parent {int} NOT NULL,
        issue {int} NOT NULL, depth {int} NOT NULL, agent TEXT NOT NULL, taken_at {real} NOT NULL,
        PRIMARY KEY (task_id, key)){strict}""",
    "CREATE INDEX follow_up_parent ON follow_up (repo_id, parent)",
    "CREATE INDEX follow_up_issue ON follow_up (repo_id, issue)",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in TABLES:
        database.execute_sql(statement.format_map(types))
