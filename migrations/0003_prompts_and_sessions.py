"""Files of default branches (policy, prompt), and what attempts know of their agent's session."""

from typing import Any

from bot.store.dialect import engine_types

STATEMENTS = (
    """CREATE TABLE repo_tip (
        repo_id {int} PRIMARY KEY, branch TEXT NOT NULL, sha TEXT NOT NULL, read_at {real} NOT NULL,
        tried_at {real} NOT NULL, trouble TEXT NOT NULL){strict}""",
    """CREATE TABLE repo_file (
        repo_id {int} NOT NULL, path TEXT NOT NULL, present {int} NOT NULL, text TEXT NOT NULL,
        error TEXT NOT NULL, blob_sha TEXT NOT NULL, commit_sha TEXT NOT NULL, existed {int} NOT NULL,
        PRIMARY KEY (repo_id, path)){strict}""",
    "ALTER TABLE attempt ADD COLUMN session TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE attempt ADD COLUMN start_afresh {int} NOT NULL DEFAULT 0",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in STATEMENTS:
        database.execute_sql(statement.format_map(types))
