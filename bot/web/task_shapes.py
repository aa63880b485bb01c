"""How tasks, attempts and events are shown."""

import dataclasses
from typing import Any, Final

from bot.core.matching import PRIORITIES
from bot.core.reasons import Reason
from bot.core.recorded import Recorded
from bot.core.states import State
from bot.core.task import Task
from bot.service.fleet import Fleet
from bot.store import Sql, attempts, forge_facts
from bot.store.attempts import Attempt
from bot.web.answers import Shown, moment

#: The states in the words of the earlier agent-fleet.
EARLIER_NAMES: Final = {
    State.REQUESTED: "created",
    State.QUEUED: "created",
    State.HELD: "created",
    State.ASSIGNED: "assigned",
    State.RUNNING: "running",
    State.WAITING: "running",
    State.REVIEW: "review_pending",
    State.DONE: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}

_PRIORITY_NAMES: Final = {number: name for name, number in PRIORITIES.items()}


class AttemptShown(Shown):
    """One run of a task. ``attempt`` is its fence."""

    attempt: int
    agent_id: str
    agent_type: str
    host_id: str
    mode: str
    active: bool
    outcome: str
    progress: str
    checklist: list[dict[str, Any]]
    usage: dict[str, Any]
    """`models`: for each what it took; `cost_usd` as its CLI reports it, `estimated_usd` by the configured prices."""
    session: str | None
    """The agent CLI's session."""
    claimed_at: str | None
    started_at: str | None
    ended_at: str | None
    lease_expires_at: str | None
    last_sign_at: str | None
    log_bytes: int


class Links(Shown):
    """Addresses on the forge; null = there is none yet."""

    issue: str | None
    branch: str | None
    pull_request: str | None


class TaskShown(Shown):
    """A task. ``state`` in our words, ``status`` and ``execution_mode`` in those of the earlier agent-fleet."""

    task_id: str
    repo: str
    issue: int
    title: str
    state: str
    status: str
    execution_mode: str
    """Who runs it (``http_pull``, ``ssh_cli`` …) or ``undecided``."""
    requirements: list[str]
    labels: list[str]
    priority: str
    base: str
    branch: str
    attempt: int
    """The fence of its newest attempt; 0 before the first."""
    agent_id: str | None
    agent_type: str | None
    host_id: str | None
    reserved_for: str | None
    holds: list[str]
    gate: str | None
    """Why it waits for a person's approval."""
    kept_sha: str | None
    """The commit that is not published before it is approved."""
    question: str | None
    reason: str | None
    message: str | None
    asked_by: str
    trigger: str
    pull_request: int | None
    head_sha: str | None
    created_at: str | None
    queued_at: str | None
    changed_at: str | None
    not_before: str | None
    """It backs off until then."""
    links: Links
    current_attempt: AttemptShown | None = None


class TaskPage(Shown):
    tasks: list[TaskShown]
    next_cursor: str | None


class EventShown(Shown):
    """A line of the task's log. ``chain`` is the digest that ties it to the line before."""

    seq: int
    n: int
    kind: str
    at: str | None
    actor: str
    data: dict[str, Any]
    chain: str


class EventPage(Shown):
    events: list[EventShown]
    next_cursor: str | None


class AttemptPage(Shown):
    attempts: list[AttemptShown]
    next_cursor: str | None


def shown(fleet: Fleet, sql: Sql, task: Task, *, with_attempt: bool = False) -> TaskShown:
    """The task as callers see it; ``with_attempt`` adds the newest one."""
    repo = forge_facts.repo(sql, task.repo_id)
    issue = forge_facts.issue(sql, task.repo_id, task.issue)
    newest = attempts.get(sql, task.id, task.fence) if with_attempt and task.fence else None
    return TaskShown(
        task_id=task.id,
        repo=repo.full_name if repo else "",
        issue=task.issue,
        title=issue.title if issue else "",
        state=task.state.value,
        status=earlier_name(task),
        execution_mode=task.mode or "undecided",
        requirements=list(task.requirements),
        labels=sorted(issue.labels) if issue else [],
        priority=_PRIORITY_NAMES.get(task.priority, "normal"),
        base=task.base,
        branch=task.branch,
        attempt=task.fence,
        agent_id=task.agent or None,
        agent_type=task.agent_type or None,
        host_id=task.host or None,
        reserved_for=task.reserved_for or None,
        holds=list(task.holds),
        gate=task.gate or None,
        kept_sha=task.kept_sha or None,
        question=task.question or None,
        reason=task.reason.value if task.reason else None,
        message=task.message or None,
        asked_by=task.asked_by,
        trigger=task.trigger,
        pull_request=task.pull_request or None,
        head_sha=task.head_sha or None,
        created_at=moment(task.created_at),
        queued_at=moment(task.queued_at),
        changed_at=moment(task.changed_at),
        not_before=moment(task.not_before),
        links=_links(fleet, repo.full_name if repo else "", task),
        current_attempt=attempt_shown(newest) if newest else None,
    )


def earlier_name(task: Task) -> str:
    lost = task.state is State.FAILED and task.reason is Reason.LOST
    return "agent_lost" if lost else EARLIER_NAMES[task.state]


def attempt_shown(attempt: Attempt) -> AttemptShown:
    return AttemptShown(
        attempt=attempt.fence,
        agent_id=attempt.agent,
        agent_type=attempt.agent_type,
        host_id=attempt.host,
        mode=attempt.mode,
        active=attempt.active,
        outcome=attempt.outcome,
        progress=attempt.progress,
        checklist=[{"text": item, "done": done} for item, done in attempt.checklist],
        usage=attempt.usage,
        session=attempt.session or None,
        claimed_at=moment(attempt.claimed_at),
        started_at=moment(attempt.started_at),
        ended_at=moment(attempt.ended_at),
        lease_expires_at=moment(attempt.lease_until) if attempt.active else None,
        last_sign_at=moment(attempt.last_sign_at),
        log_bytes=attempt.log_bytes,
    )


def event_shown(record: Recorded) -> EventShown:
    return EventShown(
        seq=record.seq,
        n=record.n,
        kind=record.event.kind,
        at=moment(record.at),
        actor=record.actor,
        data=dataclasses.asdict(record.event),
        chain=record.chain,
    )


def _links(fleet: Fleet, repo: str, task: Task) -> Links:
    home = f"{fleet.settings.forgejo.url.rstrip('/')}/{repo}"
    return Links(
        issue=f"{home}/issues/{task.issue}",
        branch=f"{home}/src/branch/{task.branch}" if task.pushed_sha else None,
        pull_request=f"{home}/pulls/{task.pull_request}" if task.pull_request else None,
    )
