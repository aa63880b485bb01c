"""Forgejo Actions: what jobs may do for a while, id tokens that were used, runs that are started or followed."""

from typing import Any

from bot.store.dialect import engine_types

TABLES = (
    """CREATE TABLE job_session (
        digest {blob} PRIMARY KEY, role TEXT NOT NULL, agent TEXT NOT NULL, repository TEXT NOT NULL,
        repo_id {int} NOT NULL, run_id {int} NOT NULL, task_id TEXT NOT NULL, fence {int} NOT NULL,
        claim_id TEXT NOT NULL, expires_at {real} NOT NULL){strict}""",
    "CREATE TABLE spent_token (digest {blob} PRIMARY KEY, until {real} NOT NULL){strict}",
    """CREATE TABLE workflow_run (
        task_id TEXT NOT NULL, fence {int} NOT NULL, claim_id TEXT NOT NULL, host TEXT NOT NULL, agent TEXT NOT NULL,
        repo_id {int} NOT NULL, run_id {int} NOT NULL, page TEXT NOT NULL, state TEXT NOT NULL, tries {int} NOT NULL,
        begun_at {real} NOT NULL, looked_at {real} NOT NULL, live {int} NOT NULL,
        PRIMARY KEY (task_id, fence)){strict}""",
    "CREATE INDEX workflow_run_live ON workflow_run (task_id) WHERE live = 1",
    "CREATE UNIQUE INDEX workflow_run_claim ON workflow_run (claim_id)",
    """CREATE TABLE followed_run (
        task_id TEXT PRIMARY KEY, repo_id {int} NOT NULL, run_id {int} NOT NULL, asked_by TEXT NOT NULL,
        looked_at {real} NOT NULL){strict}""",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in TABLES:
        database.execute_sql(statement.format_map(types))
