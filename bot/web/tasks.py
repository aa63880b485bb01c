"""Tasks as operators see and steer them."""

from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from bot.core import api_text as text
from bot.core.errors import Refused
from bot.core.states import State
from bot.core.task import Task
from bot.service import given_prompts, operations
from bot.store import Sql, attempts, forge_facts, log, receipts, run_logs, tasks
from bot.web.answers import Answer
from bot.web.callers import May, may_see
from bot.web.endpoint import Call, Endpoints
from bot.web.fields import AgentId, BranchName, Capabilities, Cursor, Fence, Limit, Line, Message, RepoName
from bot.web.paging import page
from bot.web.receipts import ReceiptPage, receipt_shown
from bot.web.requests import Asked, Said
from bot.web.task_shapes import (
    AttemptPage,
    EventPage,
    TaskPage,
    TaskShown,
    attempt_shown,
    event_shown,
    shown,
)

ENDPOINTS: Final = Endpoints("tasks", "Tasks")

_KEY_CHARS: Final = 200
_TASK: Final = "/api/v1/tasks/<task_id>"


class Filter(Asked):
    state: list[State] = Field(default_factory=list)
    """May be given several times."""
    repo: RepoName | None = None
    issue: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    agent_id: AgentId | None = None
    label: Line | None = None
    since: AwareDatetime | None = None
    """Changed since then (RFC 3339)."""
    limit: Limit = 50
    cursor: Cursor | None = None


class Which(Asked):
    agent_id: AgentId = ""
    """Needed with the enrolment token only."""


class Part(Which):
    limit: Limit = 50
    cursor: Cursor | None = None


class LogPart(Which):
    attempt: Fence | None = None
    """Default: the newest."""
    offset: Annotated[int, Field(ge=0, lt=2**53)] = 0
    """Bytes."""


class PromptOf(Asked):
    attempt: Fence | None = None
    """Default: the newest."""


class Create(Said):
    """``repo`` with ``issue``, or with ``title`` and ``prompt``: then an issue is opened for it."""

    repo: RepoName
    issue: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    title: Annotated[str, Field(max_length=250)] = ""
    prompt: Annotated[str, Field(max_length=200_000)] = ""
    base: BranchName | None = None
    capabilities: Capabilities = Field(default_factory=list)
    priority: Literal["high", "normal", "low"] = "normal"

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.issue is None) != bool(self.title.strip() and self.prompt.strip()):
            raise ValueError(text.issue_or_title())
        return self


class Note(Said):
    reason: Message = ""


class Retry(Note):
    fresh: bool = False
    """Start again from the base, on a new branch."""
    agent: AgentId | None = None
    """Reserve the new attempt for this agent (an id or a type)."""


class Assign(Said):
    agent_id: AgentId


class Say(Said):
    text: Annotated[str, Field(min_length=1, max_length=20_000)]


@ENDPOINTS.get("/api/v1/tasks", May.READ, {200: TaskPage})
def tasks_list(call: Call, asked: Filter) -> Answer:
    """Tasks, newest first."""

    def query(sql: Sql) -> TaskPage:
        repo = forge_facts.repo_named(sql, asked.repo) if asked.repo else None
        if asked.repo and repo is None:
            return TaskPage(tasks=[], next_cursor=None)
        found = tasks.page(
            sql,
            states=[s.value for s in asked.state],
            repo_id=repo.id if repo else None,
            issue=asked.issue,
            agent=asked.agent_id or "",
            label=asked.label or "",
            since=asked.since.timestamp() if asked.since else 0.0,
            before_id=asked.cursor or "",
            limit=asked.limit + 1,
        )
        cursor = found[asked.limit - 1].id if len(found) > asked.limit else None
        return TaskPage(tasks=[shown(call.fleet, sql, t) for t in found[: asked.limit]], next_cursor=cursor)

    return Answer(call.fleet.read(query))


@ENDPOINTS.post("/api/v1/tasks", May.WRITE, {200: TaskShown, 201: TaskShown}, headers={"Idempotency-Key": "required"})
def create(call: Call, said: Create) -> Answer:
    """A task for an issue, or for a new one; 200 when the same ``Idempotency-Key`` came with the same request."""
    key = call.request.headers.get("Idempotency-Key", "").strip()
    if not 0 < len(key) <= _KEY_CHARS or not key.isprintable():
        raise Refused(text.key_missing(), text.send_a_key(), 400, "idempotency_key")
    task, new = operations.create(
        call.fleet,
        repo_name=said.repo,
        issue=said.issue or 0,
        title=said.title,
        prompt=said.prompt,
        base=said.base or "",
        capabilities=tuple(said.capabilities),
        priority=said.priority,
        by=call.caller.name,
        key=key,
    )
    return _answer(call, task, 201 if new else 200)


@ENDPOINTS.get(_TASK, May.SEE, {200: TaskShown})
def task(call: Call, task_id: str, asked: Which) -> Answer:
    """A task with its newest attempt and where to find it on the forge."""

    def query(sql: Sql) -> TaskShown:
        found = tasks.get(sql, task_id)
        may_see(sql, call.caller, asked.agent_id, task_id)
        return shown(call.fleet, sql, found, with_attempt=True)

    return Answer(call.fleet.read(query))


@ENDPOINTS.get(f"{_TASK}/events", May.SEE, {200: EventPage})
def task_events(call: Call, task_id: str, asked: Part) -> Answer:
    """Everything that happened to it, newest first."""

    def query(sql: Sql) -> EventPage:
        tasks.get(sql, task_id)
        may_see(sql, call.caller, asked.agent_id, task_id)
        found, cursor = page(log.of_task(sql, task_id)[::-1], lambda r: str(r.n), asked.cursor, asked.limit)
        return EventPage(events=[event_shown(r) for r in found], next_cursor=cursor)

    return Answer(call.fleet.read(query))


@ENDPOINTS.get(f"{_TASK}/attempts", May.SEE, {200: AttemptPage})
def task_attempts(call: Call, task_id: str, asked: Part) -> Answer:
    """Its attempts, newest first."""

    def query(sql: Sql) -> AttemptPage:
        tasks.get(sql, task_id)
        may_see(sql, call.caller, asked.agent_id, task_id)
        found, cursor = page(attempts.of_task(sql, task_id)[::-1], lambda a: str(a.fence), asked.cursor, asked.limit)
        return AttemptPage(attempts=[attempt_shown(a) for a in found], next_cursor=cursor)

    return Answer(call.fleet.read(query))


@ENDPOINTS.get(f"{_TASK}/log", May.SEE, {200: "text/plain"})
def task_log(call: Call, task_id: str, asked: LogPart) -> Answer:
    """What the agent printed, from byte ``offset`` on; ``Agent-Fleet-Log-Bytes`` tells how much is known."""

    def query(sql: Sql) -> tuple[str, int]:
        found = tasks.get(sql, task_id)
        may_see(sql, call.caller, asked.agent_id, task_id)
        fence = asked.attempt or found.fence
        attempt = attempts.get(sql, task_id, fence)
        return run_logs.read(sql, task_id, fence, asked.offset), attempt.log_bytes if attempt else 0

    written, known = call.fleet.read(query)
    return Answer(written, headers={"Agent-Fleet-Log-Bytes": str(known)})


@ENDPOINTS.get(f"{_TASK}/prompt", May.READ, {200: "text/plain"})
def task_prompt(call: Call, task_id: str, asked: PromptOf) -> Answer:
    """What an attempt was told, byte for byte; its digest is in the header and in the attempt's receipt.

    ``Agent-Fleet-Prompt-Form`` is `input` (what the agent CLI read) or `task` (the JSON that a pull agent was answered
    with, keys sorted and without spaces; `state`, `status` and `execution_mode` left out).
    """
    given, written = call.fleet.read(lambda sql: given_prompts.read(sql, task_id, asked.attempt))
    return Answer(written, headers={"Agent-Fleet-Prompt-Sha256": given.sha256, "Agent-Fleet-Prompt-Form": given.form})


@ENDPOINTS.get(f"{_TASK}/receipts", May.SEE, {200: ReceiptPage})
def task_receipts(call: Call, task_id: str, asked: Part) -> Answer:
    """The receipts that agents handed in for it, newest first."""

    def query(sql: Sql) -> ReceiptPage:
        tasks.get(sql, task_id)
        may_see(sql, call.caller, asked.agent_id, task_id)
        kept = receipts.of_task(sql, task_id)[::-1]
        found, cursor = page(kept, lambda r: str(r["receipt_id"]), asked.cursor, asked.limit)
        return ReceiptPage(receipts=[receipt_shown(r) for r in found], next_cursor=cursor)

    return Answer(call.fleet.read(query))


@ENDPOINTS.post(f"{_TASK}/retry", May.WRITE, {200: TaskShown})
def retry(call: Call, task_id: str, said: Retry) -> Answer:
    """Another attempt of a task that is over or in review."""
    by = call.caller.name
    task = operations.retry(call.fleet, task_id, by=by, fresh=said.fresh, agent=said.agent or "", note=said.reason)
    return _answer(call, task)


@ENDPOINTS.post(f"{_TASK}/cancel", May.WRITE, {200: TaskShown})
def cancel(call: Call, task_id: str, said: Note) -> Answer:
    """Stops it, running or not."""
    return _answer(call, operations.cancel(call.fleet, task_id, by=call.caller.name, note=said.reason))


@ENDPOINTS.post(f"{_TASK}/hold", May.WRITE, {200: TaskShown})
def hold(call: Call, task_id: str, said: Note) -> Answer:
    """Keeps a waiting task out of the queue."""
    return _answer(call, operations.hold(call.fleet, task_id, by=call.caller.name, note=said.reason))


@ENDPOINTS.post(f"{_TASK}/unhold", May.WRITE, {200: TaskShown})
def unhold(call: Call, task_id: str, said: Note) -> Answer:  # noqa: ARG001 - a reason may be given, and is not kept
    """Lifts the hold that an operator placed."""
    return _answer(call, operations.unhold(call.fleet, task_id, by=call.caller.name))


@ENDPOINTS.post(f"{_TASK}/assign", May.WRITE, {200: TaskShown})
def assign(call: Call, task_id: str, said: Assign) -> Answer:
    """Reserves a task that has not started for one agent (an id or a type)."""
    return _answer(call, operations.assign(call.fleet, task_id, agent=said.agent_id, by=call.caller.name))


@ENDPOINTS.post(f"{_TASK}/say", May.WRITE, {200: TaskShown})
def say(call: Call, task_id: str, said: Say) -> Answer:
    """Answers the agent's question; the task goes on with the agent that asked."""
    return _answer(call, operations.say(call.fleet, task_id, by=call.caller.name, answer=said.text))


def _answer(call: Call, task: Task, status: int = 200) -> Answer:
    return Answer(call.fleet.read(lambda sql: shown(call.fleet, sql, task, with_attempt=True)), status)
