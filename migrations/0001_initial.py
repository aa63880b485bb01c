"""The first schema: the log, the task projection, attempts, queues in and out, agents and tokens."""

from typing import Any

from bot.store.dialect import engine_types

TABLES = (
    """CREATE TABLE event (
        seq {serial}, task_id TEXT NOT NULL, n {int} NOT NULL, kind TEXT NOT NULL, at {real} NOT NULL,
        actor TEXT NOT NULL, cause TEXT NOT NULL UNIQUE, chain {blob} NOT NULL, data TEXT NOT NULL,
        UNIQUE (task_id, n)){strict}""",
    """CREATE TABLE task (
        id TEXT PRIMARY KEY, repo_id {int} NOT NULL, issue {int} NOT NULL, generation {int} NOT NULL,
        state TEXT NOT NULL, version {int} NOT NULL, class_id {int} NOT NULL, claimable {int} NOT NULL,
        priority {int} NOT NULL, queued_at {real} NOT NULL, changed_at {real} NOT NULL,
        agent TEXT NOT NULL, fence {int} NOT NULL, branch TEXT NOT NULL, pull_request {int} NOT NULL,
        data TEXT NOT NULL){strict}""",
    "CREATE UNIQUE INDEX task_one_active ON task (repo_id, issue) WHERE state NOT IN ('done', 'failed', 'cancelled')",
    "CREATE INDEX task_issue ON task (repo_id, issue, generation)",
    "CREATE INDEX task_claim ON task (class_id, priority, queued_at, id) WHERE claimable = 1",
    "CREATE INDEX task_branch ON task (repo_id, branch)",
    "CREATE INDEX task_pull_request ON task (repo_id, pull_request) WHERE pull_request > 0",
    "CREATE INDEX task_state ON task (state, id)",
    "CREATE INDEX task_agent ON task (agent) WHERE agent <> ''",
    """CREATE TABLE class (
        id {serial}, repo_id {int} NOT NULL, requirements TEXT NOT NULL, reserved_for TEXT NOT NULL,
        waiting {int} NOT NULL, UNIQUE (repo_id, requirements, reserved_for)){strict}""",
    "CREATE INDEX class_waiting ON class (id) WHERE waiting > 0",
    """CREATE TABLE attempt (
        task_id TEXT NOT NULL, fence {int} NOT NULL, agent TEXT NOT NULL, agent_type TEXT NOT NULL,
        host TEXT NOT NULL, mode TEXT NOT NULL, claim_id TEXT NOT NULL, claimed_at {real} NOT NULL,
        lease_until {real} NOT NULL, active {int} NOT NULL, started_at {real} NOT NULL, ended_at {real} NOT NULL,
        outcome TEXT NOT NULL, last_sign_at {real} NOT NULL, progress TEXT NOT NULL, checklist TEXT NOT NULL,
        status_seq {int} NOT NULL, log_bytes {int} NOT NULL, base_sha TEXT NOT NULL, result TEXT NOT NULL,
        usage TEXT NOT NULL, answer_sha256 TEXT NOT NULL, answer TEXT NOT NULL,
        PRIMARY KEY (task_id, fence)){strict}""",
    "CREATE INDEX attempt_lease ON attempt (lease_until) WHERE active = 1",
    "CREATE INDEX attempt_agent ON attempt (agent) WHERE active = 1",
    "CREATE UNIQUE INDEX attempt_claim ON attempt (agent, claim_id) WHERE claim_id <> ''",
    """CREATE TABLE agent (
        id TEXT PRIMARY KEY, agent_type TEXT NOT NULL, capabilities TEXT NOT NULL, max_concurrency {int} NOT NULL,
        host TEXT NOT NULL, mode TEXT NOT NULL, status TEXT NOT NULL, registered_at {real} NOT NULL,
        last_seen {real} NOT NULL, version TEXT NOT NULL, meta TEXT NOT NULL, lost_tasks TEXT NOT NULL){strict}""",
    "CREATE INDEX agent_seen ON agent (last_seen) WHERE status <> 'offline'",
    """CREATE TABLE token (
        prefix TEXT PRIMARY KEY, digest {blob} NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
        agent TEXT NOT NULL, repos TEXT NOT NULL, legacy {int} NOT NULL, created_at {real} NOT NULL,
        expires_at {real} NOT NULL, last_used_at {real} NOT NULL, revoked_at {real} NOT NULL){strict}""",
    "CREATE INDEX token_agent ON token (agent) WHERE agent <> ''",
    """CREATE TABLE inbox (
        id {serial}, delivery TEXT NOT NULL UNIQUE, event_type TEXT NOT NULL, body {blob} NOT NULL,
        received_at {real} NOT NULL, state TEXT NOT NULL, tries {int} NOT NULL, next_at {real} NOT NULL,
        error TEXT NOT NULL){strict}""",
    "CREATE INDEX inbox_due ON inbox (next_at, id) WHERE state = 'new'",
    """CREATE TABLE outbox (
        target TEXT PRIMARY KEY, kind TEXT NOT NULL, task_id TEXT NOT NULL, wish TEXT NOT NULL,
        version {int} NOT NULL, sent TEXT NOT NULL, state TEXT NOT NULL, tries {int} NOT NULL,
        next_at {real} NOT NULL, wished_at {real} NOT NULL, sent_at {real} NOT NULL, known TEXT NOT NULL,
        error TEXT NOT NULL){strict}""",
    "CREATE INDEX outbox_due ON outbox (next_at) WHERE state = 'pending'",
    """CREATE TABLE timer (
        key TEXT PRIMARY KEY, kind TEXT NOT NULL, due_at {real} NOT NULL, task_id TEXT NOT NULL,
        fence {int} NOT NULL){strict}""",
    "CREATE INDEX timer_due ON timer (due_at)",
    """CREATE TABLE repo (
        id {int} PRIMARY KEY, full_name TEXT NOT NULL, default_branch TEXT NOT NULL, clone_url TEXT NOT NULL,
        html_url TEXT NOT NULL, watched {int} NOT NULL, swept_to {real} NOT NULL, seen_at {real} NOT NULL){strict}""",
    """CREATE TABLE issue (
        repo_id {int} NOT NULL, number {int} NOT NULL, title TEXT NOT NULL, labels TEXT NOT NULL,
        is_open {int} NOT NULL, updated_at {real} NOT NULL, PRIMARY KEY (repo_id, number)){strict}""",
    "CREATE TABLE body (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL){strict}",
    """CREATE TABLE log (
        task_id TEXT NOT NULL, fence {int} NOT NULL, position {int} NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (task_id, fence, position)){strict}""",
    """CREATE TABLE receipt (
        id TEXT PRIMARY KEY, task_id TEXT NOT NULL, fence {int} NOT NULL, agent TEXT NOT NULL,
        sha256 TEXT NOT NULL, body TEXT NOT NULL, created_at {real} NOT NULL,
        UNIQUE (task_id, fence, sha256)){strict}""",
    """CREATE TABLE request_key (
        key TEXT PRIMARY KEY, sha256 TEXT NOT NULL, task_id TEXT NOT NULL, created_at {real} NOT NULL){strict}""",
    "CREATE TABLE beat (name TEXT PRIMARY KEY, at {real} NOT NULL){strict}",
)

APPEND_ONLY = (
    """CREATE TRIGGER event_no_update BEFORE UPDATE ON event
       BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END""",
    """CREATE TRIGGER event_no_delete BEFORE DELETE ON event
       BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END""",
)


def up(_migrator: Any, database: Any) -> None:
    types = engine_types(database)
    for statement in (*TABLES, *APPEND_ONLY):
        database.execute_sql(statement.format_map(types))
