"""Slash-commands: which were dealt with, what they stopped or kept out, what was answered, and what policies say."""

from typing import Any

from bot.store.dialect import engine_types

TABLES = (
    """CREATE TABLE command (
        cause TEXT PRIMARY KEY, repo_id {int} NOT NULL, number {int} NOT NULL, person_id {int} NOT NULL,
        person TEXT NOT NULL, words TEXT NOT NULL, at {real} NOT NULL, outcome TEXT NOT NULL){strict}""",
    "CREATE INDEX command_person ON command (person_id, at)",
    """CREATE TABLE pause (
        repo_id {int} NOT NULL, agent TEXT NOT NULL, source TEXT NOT NULL, person TEXT NOT NULL, reason TEXT NOT NULL,
        url TEXT NOT NULL, at {real} NOT NULL, until {real} NOT NULL, reply TEXT NOT NULL,
        PRIMARY KEY (repo_id, agent, source)){strict}""",
    """CREATE TABLE issue_hold (
        repo_id {int} NOT NULL, issue {int} NOT NULL, hold TEXT NOT NULL, person TEXT NOT NULL, note TEXT NOT NULL,
        at {real} NOT NULL, PRIMARY KEY (repo_id, issue, hold)){strict}""",
    """CREATE TABLE answer (
        target TEXT PRIMARY KEY, repo_id {int} NOT NULL, number {int} NOT NULL, kind TEXT NOT NULL,
        marker TEXT NOT NULL, at {real} NOT NULL){strict}""",
    "CREATE INDEX answer_issue ON answer (repo_id, number, at)",
    """CREATE TABLE message (
        task_id TEXT NOT NULL, fence {int} NOT NULL, n {int} NOT NULL, person TEXT NOT NULL, sha256 TEXT NOT NULL,
        given {int} NOT NULL, PRIMARY KEY (task_id, fence, n)){strict}""",
    """CREATE TABLE issue_text (
        repo_id {int} NOT NULL, number {int} NOT NULL, sha256 TEXT NOT NULL, since {real} NOT NULL,
        PRIMARY KEY (repo_id, number)){strict}""",
    "CREATE TABLE comment_sweep (repo_id {int} PRIMARY KEY, swept_to {real} NOT NULL){strict}",
    """CREATE TABLE policy (
        repo_id {int} PRIMARY KEY, found {int} NOT NULL, source_sha TEXT NOT NULL, rules TEXT NOT NULL,
        error TEXT NOT NULL, read_at {real} NOT NULL){strict}""",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in TABLES:
        database.execute_sql(statement.format_map(types))
