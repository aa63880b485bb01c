"""People at the dashboard: their sessions, what they did there, and words to find tasks by."""

from typing import Any

from bot.store.dialect import engine_types

STATEMENTS = (
    """CREATE TABLE web_session (
        digest {blob} PRIMARY KEY, kind TEXT NOT NULL, account_id {int} NOT NULL, login TEXT NOT NULL,
        token TEXT NOT NULL, begun_at {real} NOT NULL, seen_at {real} NOT NULL){strict}""",
    "CREATE INDEX web_session_person ON web_session (kind, account_id, token)",
    "CREATE INDEX web_session_seen ON web_session (seen_at)",
    """CREATE TABLE audit (
        id {serial}, at {real} NOT NULL, person TEXT NOT NULL, deed TEXT NOT NULL, subject TEXT NOT NULL,
        detail TEXT NOT NULL){strict}""",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in STATEMENTS:
        database.execute_sql(statement.format_map(types))
