"""An agent's way through a task: get it, fetch the source, report, hand in the result, complete."""

import tempfile
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from bot.core import api_text as text
from bot.service import claims, reports
from bot.service.agents import holding
from bot.service.claims import Claim
from bot.service.reports import Completion, Progress
from bot.store import attempts, tasks
from bot.web.answers import Answer, Shown, moment
from bot.web.callers import May
from bot.web.earlier_wire import EarlierReceipt
from bot.web.endpoint import Call, Endpoints
from bot.web.fences import fence_of
from bot.web.fields import AgentId, Capabilities, Fence, Line, Message, Session, Sha
from bot.web.requests import Asked, Said, stream_to
from bot.web.task_shapes import earlier_name

ENDPOINTS: Final = Endpoints("work", "An agent's work")

BUNDLE: Final = "application/x-git-bundle"
SOURCE_HEADER: Final = "Agent-Fleet-Source"
#: Longest wait for work; below gunicorn's grace and the idle limits of proxies.
MAX_WAIT_SECS: Final = 25
_TASK: Final = "/api/v1/tasks/<task_id>"


class Dequeue(Said):
    agent_id: AgentId = ""
    wait_secs: Annotated[float, Field(ge=0, le=MAX_WAIT_SECS)] = 0
    """How long to wait for work; 0 or absent: answer at once."""
    capabilities: Capabilities = Field(default_factory=list)
    """Narrow what the agent registered, never widen it."""
    claim_id: Line | None = None
    """Made by the agent: asking again with the same one gives the same claim."""


class Work(Shown):
    task_id: str
    repo: str
    issue: int
    title: str
    prompt: str
    base: str
    branch: str
    labels: list[str]
    priority: str
    attempt: int
    kind: str
    """What kind of attempt it is: first, retry, resume (after an answer) or rework (of the pull request)."""
    timeout_secs: int
    context: list[str]
    """What happened before, oldest first."""
    instructions: str
    """The whole prompt, made from the repository's template; `prompt` is the issue's text alone."""
    session: str | None
    """The CLI's session of this agent's last attempt, when it can be gone on with."""
    resume_instructions: str | None
    """What to tell that session instead of `instructions`: only what it does not know yet."""
    keep: bool
    """The last attempt asked a question: uncommitted changes in its workspace are still wanted."""
    handover: dict[str, Any] | None
    """When another agent was at it before: its `agent`, `agent_type`, `attempt`, `outcome`, `branch`, `head_sha`,
    `summary`, `notes`, `claims` (its receipt as JSON), `verdict` and `failed` rules. Part of the prompt already."""
    state: str
    status: str
    execution_mode: str


class Claimed(Shown):
    """``fence`` comes with every later call about the task."""

    task: Work
    fence: int
    lease_expires_at: str | None


class Step(Said):
    text: Annotated[str, Field(max_length=500)]
    done: bool


class LogChunk(Said):
    offset: Annotated[int, Field(ge=0, lt=2**53)]
    """Bytes."""
    text: str


class Status(Said):
    agent_id: AgentId = ""
    fence: Fence | None = None
    seq: Annotated[int, Field(ge=0, lt=2**53)] = 0
    """Rises with every report of a run; an older one changes nothing."""
    status: Literal["running", "waiting", "progress"] = "progress"
    message: Message | None = None
    checklist: Annotated[list[Step], Field(max_length=200)] | None = None
    question: Message | None = None
    usage: Annotated[list[dict[str, Any]], Field(max_length=200)] | dict[str, Any] | None = None
    """All that the run has used so far, a row `{model, kind, in, out, cache_r, cost_usd}` for each model."""
    session: Session = ""
    """The CLI's session id, as soon as it is known."""
    log: LogChunk | None = None


class Noted(Shown):
    lease_expires_at: str | None
    cancel: bool
    fence: int
    log_offset: int
    """Position up to which the log is known; send on from there."""


class Source(Asked):
    agent_id: AgentId = ""
    fence: Fence | None = None
    have: Sha | None = None
    """A commit the agent has already: the bundle leaves out what it reaches."""


class Upload(Asked):
    agent_id: AgentId = ""
    fence: Fence | None = None


class Checked(Shown):
    """What the bundle holds."""

    nothing: bool
    base_sha: str
    head_sha: str
    commits: int
    files_changed: int
    insertions: int
    deletions: int


class Complete(EarlierReceipt):
    """``outcome`` with its receipt; or, from agents of the earlier wire, the receipt itself (``status`` …)."""

    agent_id: AgentId = ""
    fence: Fence | None = None
    outcome: Literal["done", "failed", "no_change", "question"] | None = None
    reason: Annotated[str, Field(max_length=100)] = ""
    message: Message = ""
    receipt: dict[str, Any] | None = None
    session: Session = ""
    """The CLI's session id: a later attempt of this agent is told it again."""
    start_afresh: bool = False
    """The session is gone or full: a later attempt begins a new one."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.outcome is None) == (self.status is None):
            raise ValueError(text.outcome_missing())
        return self


class Completed(Shown):
    """``verdict`` is pending until branch, pull request and checks are seen, or unverified."""

    task_id: str
    state: str
    status: str
    verdict: str
    checks: list[dict[str, Any]]


@ENDPOINTS.post("/api/v1/tasks/dequeue", May.AGENT, {200: Claimed, 204: None})
def dequeue(call: Call, said: Dequeue) -> Answer:
    """The next task that fits, leased to the agent; 204 when there is none within ``wait_secs``.

    When too many wait already, 204 comes at once: ask again after ``Retry-After`` seconds.
    """
    agent_id = call.caller.as_agent(said.agent_id)

    def look() -> Claim | None:
        return claims.claim(
            call.fleet,
            agent_id,
            repos=call.caller.repos,
            claim_id=call.caller.claim_id(said.claim_id),
            capabilities=tuple(said.capabilities),
        )

    room, found, full = call.house.waiting_room, look(), False
    if found is None and said.wait_secs:
        with room.seat() as seated:
            full = not seated
            found = room.wait_for(look, said.wait_secs) if seated else None
    if found is None:
        waited = said.wait_secs and not full and not call.fleet.store.wakeups.closed
        return Answer(None, 204, {"Retry-After": "1" if waited else "5"})
    state, name = found.task.state, earlier_name(found.task)
    work = Work(**found.work, state=state.value, status=name, execution_mode=found.task.mode)
    return Answer(Claimed(task=work, fence=found.fence, lease_expires_at=moment(found.lease_until)))


@ENDPOINTS.post(f"{_TASK}/status", May.AGENT, {200: Noted})
def status(call: Call, task_id: str, said: Status) -> Answer:
    """A report on the way; extends the lease. The first one starts the attempt."""
    agent_id, fence = call.caller.as_agent(said.agent_id), fence_of(call.caller, said.fence)
    report = Progress(
        status=said.status,
        seq=said.seq,
        message=said.question or said.message or "",
        checklist=None if said.checklist is None else tuple((s.text, s.done) for s in said.checklist),
        usage=said.usage,
        session=said.session,
        log=(said.log.offset, said.log.text) if said.log else None,
    )
    lease_until, held, position = reports.progress(call.fleet, agent_id, task_id, fence, report)
    task = call.fleet.read(lambda sql: tasks.get(sql, task_id))
    over = not task.state.leased or task.fence != held
    return Answer(Noted(lease_expires_at=moment(lease_until), cancel=over, fence=held, log_offset=position))


@ENDPOINTS.get(
    f"{_TASK}/source", May.AGENT, {200: BUNDLE}, headers={SOURCE_HEADER: "answered: the commit to check out"}
)
def source(call: Call, task_id: str, asked: Source) -> Answer:
    """A git bundle of the commit to start from, named in the header ``Agent-Fleet-Source``."""
    agent_id, fence = call.caller.as_agent(asked.agent_id), fence_of(call.caller, asked.fence)
    path, sha = reports.source(call.fleet, agent_id, task_id, fence, asked.have)
    return Answer(path, headers={SOURCE_HEADER: sha}, media=BUNDLE)


@ENDPOINTS.post(f"{_TASK}/result", May.AGENT, {200: Checked}, takes=BUNDLE)
def result(call: Call, task_id: str, asked: Upload) -> Answer:
    """The agent's commits as a git bundle: checked and kept, published only when the task is completed."""
    agent_id, fence = call.caller.as_agent(asked.agent_id), fence_of(call.caller, asked.fence)
    folder = call.fleet.data_dir / "incoming"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    call.fleet.read(lambda sql: holding(sql, agent_id, task_id, fence))
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".bundle") as file:
        limit = call.fleet.settings.orchestrator.max_result_bytes
        stream_to(call.request, file, limit, (BUNDLE, "application/octet-stream"))
        file.flush()
        found = reports.result(call.fleet, agent_id, task_id, fence, Path(file.name))
    return Answer(_checked(found))


@ENDPOINTS.post(f"{_TASK}/complete", May.AGENT, {200: Completed})
def complete(call: Call, task_id: str, said: Complete) -> Answer:
    """The end of an attempt. The same completion again gets the same answer, another one 409."""
    agent_id, fence = call.caller.as_agent(said.agent_id), fence_of(call.caller, said.fence)
    completion = _completion(call, task_id, said)
    found = reports.complete(call.fleet, agent_id, task_id, fence, completion)
    task = call.fleet.read(lambda sql: tasks.get(sql, task_id))
    return Answer(
        Completed(
            task_id=task_id,
            state=found["state"],
            status=earlier_name(task),
            verdict=found["verdict"],
            checks=list(found["checks"]),
        )
    )


def _completion(call: Call, task_id: str, said: Complete) -> Completion:
    if said.outcome is not None:
        return Completion(
            said.outcome, said.reason, said.message, said.receipt, said.session, start_afresh=said.start_afresh
        )
    task = call.fleet.read(lambda sql: tasks.get(sql, task_id))
    attempt = call.fleet.read(lambda sql: attempts.get(sql, task_id, said.fence or task.fence))
    return said.as_completion(has_result=bool(attempt and attempt.result))


def _checked(found: dict[str, Any]) -> Checked:
    return Checked(
        nothing=bool(found["nothing"]),
        base_sha=found["base_sha"],
        head_sha=found["head_sha"],
        commits=len(found.get("commits", ())),
        files_changed=found.get("files_changed", 0),
        insertions=found.get("insertions", 0),
        deletions=found.get("deletions", 0),
    )
