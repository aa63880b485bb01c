"""Signed receipts and their keys, and the files that agents hand in beside their commits."""

from typing import Any

from bot.store.dialect import engine_types

TABLES = (
    """CREATE TABLE signed_receipt (
        id TEXT PRIMARY KEY, repo_id {int} NOT NULL, number {int} NOT NULL, task_id TEXT NOT NULL,
        fence {int} NOT NULL, sha256 TEXT NOT NULL UNIQUE, prev_sha256 TEXT NOT NULL, result TEXT NOT NULL,
        key_id TEXT NOT NULL, body TEXT NOT NULL, created_at {real} NOT NULL,
        UNIQUE (repo_id, number), UNIQUE (task_id, fence)){strict}""",
    """CREATE TABLE receipt_key (
        key_id TEXT PRIMARY KEY, public_key TEXT NOT NULL, created_at {real} NOT NULL,
        retired_at {real} NOT NULL){strict}""",
    """CREATE TABLE artifact (
        task_id TEXT NOT NULL, fence {int} NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL,
        size {int} NOT NULL, created_at {real} NOT NULL, PRIMARY KEY (task_id, fence, name)){strict}""",
    "CREATE INDEX artifact_sha256 ON artifact (sha256)",
)

APPEND_ONLY = (
    """CREATE TRIGGER signed_receipt_no_update BEFORE UPDATE ON signed_receipt
       BEGIN SELECT RAISE(ABORT, 'signed receipts are append-only'); END""",
    """CREATE TRIGGER signed_receipt_no_delete BEFORE DELETE ON signed_receipt
       BEGIN SELECT RAISE(ABORT, 'signed receipts are append-only'); END""",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in (*TABLES, *APPEND_ONLY):
        database.execute_sql(statement.format_map(types))
