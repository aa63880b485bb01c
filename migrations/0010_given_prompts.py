"""What each attempt was told, byte for byte: texts once by their digest, and which attempt got which."""

from typing import Any

from bot.store.dialect import engine_types

STATEMENTS = (
    """CREATE TABLE prompt_text (
        sha256 TEXT PRIMARY KEY, text TEXT NOT NULL, kept_at {real} NOT NULL){strict}""",
    """CREATE TABLE given_prompt (
        task_id TEXT NOT NULL, fence {int} NOT NULL, form TEXT NOT NULL, sha256 TEXT NOT NULL, size {int} NOT NULL,
        template TEXT NOT NULL, policy_sha256 TEXT NOT NULL, argv_sha256 TEXT NOT NULL, given_at {real} NOT NULL,
        PRIMARY KEY (task_id, fence)){strict}""",
    "CREATE INDEX given_prompt_sha256 ON given_prompt (sha256)",
    "CREATE INDEX prompt_text_kept ON prompt_text (kept_at)",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in STATEMENTS:
        database.execute_sql(statement.format_map(types))
