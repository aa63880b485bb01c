"""What operators are told outside of the forge, conditions that last, organisations, and kept sizes."""

from typing import Any

from bot.store.dialect import engine_types

STATEMENTS = (
    """CREATE TABLE notice (
        id TEXT PRIMARY KEY, destination TEXT NOT NULL, severity TEXT NOT NULL, body TEXT NOT NULL,
        state TEXT NOT NULL, tries {int} NOT NULL, next_at {real} NOT NULL, made_at {real} NOT NULL,
        sent_at {real} NOT NULL, error TEXT NOT NULL){strict}""",
    "CREATE INDEX notice_due ON notice (next_at) WHERE state = 'pending'",
    "CREATE INDEX notice_made ON notice (made_at)",
    """CREATE TABLE lasting (
        name TEXT PRIMARY KEY, since {real} NOT NULL, told {int} NOT NULL){strict}""",
    """INSERT INTO counter (name, labels, value) SELECT 'kept_bytes', 'payloads', kept
       FROM (SELECT sum(length(body)) AS kept FROM inbox) AS found WHERE kept > 0""",
    """INSERT INTO counter (name, labels, value) SELECT 'kept_bytes', 'logs', kept
       FROM (SELECT sum(length(text)) AS kept FROM log) AS found WHERE kept > 0""",
    """INSERT INTO counter (name, labels, value) SELECT 'kept_bytes', 'artifacts', kept
       FROM (SELECT sum(size) AS kept FROM artifact) AS found WHERE kept > 0""",
    """INSERT INTO counter (name, labels, value) SELECT 'kept_bytes', 'receipts', kept
       FROM (SELECT sum(length(body)) AS kept FROM receipt) AS found WHERE kept > 0""",
    "CREATE TABLE organization (name TEXT PRIMARY KEY, since {real} NOT NULL){strict}",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in STATEMENTS:
        database.execute_sql(statement.format_map(types))
