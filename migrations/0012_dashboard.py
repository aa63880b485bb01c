"""People at the dashboard: their sessions, what they did there, and a row per task for looking back."""

import json
from typing import Any

from bot.core import usage
from bot.core.words import MOST_KEPT, key, words
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
    """CREATE TABLE host_check (
        host TEXT PRIMARY KEY, asked_by TEXT NOT NULL, asked_at {real} NOT NULL, done_at {real} NOT NULL,
        good {int} NOT NULL, said TEXT NOT NULL){strict}""",
    """CREATE TABLE history (
        task_id TEXT PRIMARY KEY, repo_id {int} NOT NULL, issue {int} NOT NULL, state TEXT NOT NULL,
        reason TEXT NOT NULL, person TEXT NOT NULL, agent TEXT NOT NULL, created_at {real} NOT NULL,
        claimed_at {real} NOT NULL, run_secs {real} NOT NULL, ended_at {real} NOT NULL,
        cost {real} NOT NULL, pull_request {int} NOT NULL){strict}""",
    "CREATE INDEX history_issue ON history (repo_id, issue)",
    "CREATE INDEX history_state ON history (state, task_id)",
    "CREATE INDEX history_repo ON history (repo_id, task_id)",
    "CREATE INDEX history_agent ON history (agent, task_id)",
    "CREATE INDEX history_reason ON history (reason, task_id)",
    "CREATE INDEX history_person ON history (person, task_id)",
    "CREATE INDEX history_ended ON history (repo_id, ended_at) WHERE ended_at > 0",
    "CREATE INDEX history_repo_state ON history (repo_id, state, task_id)",
    "CREATE TABLE task_word (word TEXT NOT NULL, task_id TEXT NOT NULL, PRIMARY KEY (word, task_id)){strict}",
    "CREATE INDEX task_word_task ON task_word (task_id, word)",
)

_FINAL = ("done", "failed", "cancelled")
_PAGE = 1000


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in STATEMENTS:
        database.execute_sql(statement.format_map(types))
    last = ""
    while rows := _tasks_after(database, last):
        for row in rows:
            _look_back(database, *row)
        last = rows[-1][0]


def _tasks_after(database: Any, last: str) -> list[Any]:
    cursor = database.execute_sql(
        """SELECT task.id, task.repo_id, task.issue, task.data, issue.title FROM task LEFT JOIN issue
           ON issue.repo_id = task.repo_id AND issue.number = task.issue WHERE task.id > ? ORDER BY task.id LIMIT ?""",
        (last, _PAGE),
    )
    return list(cursor.fetchall())


def _look_back(database: Any, task_id: str, repo_id: int, issue: int, data: str, title: str | None) -> None:
    """The row of a task from before there was a history."""
    task = json.loads(data)
    state, reason = task["state"], task.get("reason") or ""
    attempts = list(
        database.execute_sql(
            "SELECT agent, claimed_at, ended_at, session, usage FROM attempt WHERE task_id = ? ORDER BY fence",
            (task_id,),
        ).fetchall()
    )
    total = usage.total((row[3], usage.read(json.loads(row[4]).get("models", []))) for row in attempts)
    costs = [one.reported_usd if one.reported_usd is not None else one.estimated_usd for one in total]
    known = [cost for cost in costs if cost is not None]
    database.execute_sql(
        """INSERT INTO history (task_id, repo_id, issue, state, reason, person, agent, created_at, claimed_at,
           run_secs, ended_at, cost, pull_request) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            *(task_id, repo_id, issue, state, reason, task["asked_by"], attempts[-1][0] if attempts else ""),
            *(task["created_at"], attempts[0][1] if attempts else 0.0),
            sum(max(0.0, row[2] - row[1]) for row in attempts if row[2]) + 0.0,
            task["changed_at"] if state in _FINAL else 0.0,
            *(sum(known) if known else -1.0, task.get("pull_request") or 0),
        ),
    )
    for word in words(f"{title or ''} {reason} {task.get('message') or ''}")[:MOST_KEPT]:
        database.execute_sql("INSERT INTO task_word (word, task_id) VALUES (?, ?)", (key(word), task_id))
