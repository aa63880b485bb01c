"""Fewer pages for each change: tables of short rows lie in their key's order, and indexes that say the same twice go.

A step of a task changes every index over what changed, and a commit writes every page that was touched.
"""

from typing import Any

from bot.store.dialect import engine_types

#: Only in SQLite, where a table with a key of text is otherwise kept twice.
IN_ORDER = (
    """CREATE TABLE history_in_order (
        task_id TEXT PRIMARY KEY, repo_id {int} NOT NULL, issue {int} NOT NULL, state TEXT NOT NULL,
        reason TEXT NOT NULL, person TEXT NOT NULL, agent TEXT NOT NULL, created_at {real} NOT NULL,
        claimed_at {real} NOT NULL, run_secs {real} NOT NULL, ended_at {real} NOT NULL,
        cost {real} NOT NULL, pull_request {int} NOT NULL){strict}, WITHOUT ROWID""",
    "INSERT INTO history_in_order SELECT * FROM history ORDER BY task_id",
    "DROP TABLE history",
    "ALTER TABLE history_in_order RENAME TO history",
    "CREATE INDEX history_state ON history (state, task_id)",
    "CREATE INDEX history_repo ON history (repo_id, task_id)",
    "CREATE INDEX history_agent ON history (agent, task_id)",
    "CREATE INDEX history_person ON history (person, task_id)",
    "CREATE INDEX history_ended ON history (repo_id, ended_at) WHERE ended_at > 0",
    "CREATE INDEX history_repo_state ON history (repo_id, state, task_id)",
    """CREATE TABLE word_in_order (
        word TEXT NOT NULL, task_id TEXT NOT NULL, PRIMARY KEY (word, task_id)){strict}, WITHOUT ROWID""",
    "INSERT INTO word_in_order SELECT word, task_id FROM task_word ORDER BY word, task_id",
    "DROP TABLE task_word",
    "ALTER TABLE word_in_order RENAME TO task_word",
    "CREATE INDEX task_word_task ON task_word (task_id, word)",
)
STATEMENTS = (
    "DROP INDEX IF EXISTS history_issue",
    "DROP INDEX IF EXISTS history_reason",
    "CREATE INDEX history_reason ON history (reason, task_id) WHERE reason <> ''",
    "DROP INDEX task_state",  # history_state has the same order
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in (*(IN_ORDER if types["strict"] else ()), *STATEMENTS):
        database.execute_sql(statement.format_map(types))
