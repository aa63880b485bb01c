"""Kept counters, so that metrics cost the same however many tasks there are; indexes for the ages they tell."""

from typing import Any

from bot.store.dialect import engine_types

STATEMENTS = (
    """CREATE TABLE counter (
        name TEXT NOT NULL, labels TEXT NOT NULL, value {real} NOT NULL, PRIMARY KEY (name, labels)){strict}""",
    "INSERT INTO counter (name, labels, value) SELECT 'tasks', state, count(*) FROM task GROUP BY state",
    """CREATE INDEX task_changed ON task (state, changed_at)
       WHERE state NOT IN ('done', 'failed', 'cancelled')""",
    "CREATE INDEX outbox_wished ON outbox (wished_at) WHERE state = 'pending'",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in STATEMENTS:
        database.execute_sql(statement.format_map(types))
