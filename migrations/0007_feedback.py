"""What kind of attempt each is and where it starts from, agents that had better not try again, tasks told anew."""

import itertools
from typing import Any

from bot.core import recorded, task
from bot.store.dialect import engine_types

STATEMENTS = (
    "ALTER TABLE attempt ADD COLUMN kind TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE attempt ADD COLUMN onto_sha TEXT NOT NULL DEFAULT ''",
    """CREATE TABLE avoided (
        task_id TEXT NOT NULL, agent TEXT NOT NULL, until {real} NOT NULL, PRIMARY KEY (task_id, agent)){strict}""",
    "CREATE INDEX avoided_agent ON avoided (agent, until)",
    "CREATE INDEX attempt_sign ON attempt (last_sign_at)",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in STATEMENTS:
        database.execute_sql(statement.format_map(types))
    _tell_anew(database)


def _tell_anew(database: Any) -> None:
    """Tasks remember more than before: their rows are made from the log once more."""
    rows = database.execute_sql("SELECT task_id, kind, data, at, n FROM event ORDER BY task_id, n").fetchall()
    for task_id, found in itertools.groupby(rows, key=lambda row: row[0]):
        state: task.Task | None = None
        for _, kind, data, at, n in found:
            state = task.apply(state, task_id, recorded.decode(kind, data), at, n)
        if state is not None:
            database.execute_sql("UPDATE task SET data = ? WHERE id = ?", (task.encode(state), task_id))
