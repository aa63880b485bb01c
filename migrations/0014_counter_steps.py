"""What transactions that run side by side have counted, until it is added to the counters."""

from typing import Any

from bot.store.dialect import engine_types

STATEMENTS = (
    """CREATE TABLE counter_step (
        id {serial}, name TEXT NOT NULL, labels TEXT NOT NULL, value {real} NOT NULL){strict}""",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in STATEMENTS:
        database.execute_sql(statement.format_map(types))
