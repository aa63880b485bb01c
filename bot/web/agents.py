"""Agents: coming, staying, going, and the list of them."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from bot.core import api_text as text
from bot.core.errors import Refused
from bot.service import agents as service
from bot.service.fleet import Fleet
from bot.store import agents, attempts
from bot.store.agents import Agent
from bot.web.answers import Answer, Shown, moment
from bot.web.callers import ENROLMENT, Caller, May
from bot.web.endpoint import Call, Endpoints
from bot.web.fields import AgentId, AgentType, Capabilities, Cursor, Fence, Limit, Line, Message, TaskId
from bot.web.paging import page
from bot.web.requests import Asked, Said

ENDPOINTS: Final = Endpoints("agents", "Agents")


class Register(Said):
    """What an agent says of itself. The repositories it may serve are bound to its token, not declared."""

    agent_id: AgentId
    agent_type: AgentType
    capabilities: Capabilities = Field(default_factory=list)
    max_concurrency: Annotated[int, Field(ge=1, le=1000)] = 1
    host_id: Line | None = None
    version: Line | None = None
    meta: dict[str, Any] | None = None
    hostname: Line | None = None
    """The earlier name of ``host_id``; an agent that uses it knows no fences."""
    metadata: dict[str, Any] | None = None
    """The earlier name of ``meta``."""

    @property
    def legacy(self) -> bool:
        return self.hostname is not None and self.host_id is None


class Registered(Shown):
    """``agent_token`` is there the first time only: keep it."""

    agent_id: str
    agent_token: str | None = None
    registry_token: str | None = None
    """For agents of the earlier wire: the token to go on with, new or the one just used."""
    heartbeat_interval_secs: int
    heartbeat_timeout_secs: int
    server_time: str


class Run(Said):
    task_id: TaskId
    fence: Fence


class Heartbeat(Said):
    """``running`` absent: all that the agent holds; ``[]``: nothing."""

    agent_id: AgentId = ""
    running: Annotated[list[Run], Field(max_length=1000)] | None = None
    load: Any = None


class Ordered(Shown):
    """``cancel``: stop the run; ``drop``: it is not yours any more; ``say``: ``text`` is for the agent, given once."""

    task_id: str
    fence: int
    command: str
    text: str | None = None


class Beat(Shown):
    commands: list[Ordered]
    drain: bool
    """Take nothing new."""
    next_secs: int


class Deregister(Said):
    agent_id: AgentId = ""
    reason: Message = ""


class Requeued(Shown):
    requeued: list[str]
    """Tasks that went back to the queue."""


class Filter(Asked):
    status: Literal["online", "offline", "draining"] | None = None
    agent_type: AgentType | None = None
    capability: Line | None = None
    host_id: Line | None = None
    mode: Line | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class AgentShown(Shown):
    agent_id: str
    agent_type: str
    capabilities: list[str]
    max_concurrency: int
    running: int
    """Attempts it has a lease on."""
    host_id: str
    hostname: str
    """The earlier name of ``host_id``."""
    mode: str
    status: str
    version: str
    registered_at: str | None
    last_seen: str | None


class AgentPage(Shown):
    agents: list[AgentShown]
    next_cursor: str | None


@ENDPOINTS.post("/api/v1/agents/register", May.ENROL, {200: Registered, 201: Registered})
def register(call: Call, said: Register) -> Answer:
    """Adds an agent (201) or brings it up to date (200); the enrolment token is exchanged for one of its own."""
    agent_id = call.caller.as_agent(said.agent_id)
    _refuse_started_jobs(call.caller, agent_id)
    _refuse_taking_over(call.fleet, call.caller, agent_id)
    legacy = said.legacy or (call.caller.fenceless and call.caller.role != ENROLMENT)
    meta = {k: v for k, v in (said.meta or said.metadata or {}).items() if k != "legacy"}
    meta |= {"legacy": True} if legacy else {}
    registration = service.Registration(
        agent_id=agent_id,
        agent_type=said.agent_type,
        capabilities=tuple(said.capabilities),
        max_concurrency=said.max_concurrency,
        host=said.host_id or said.hostname or "",
        version=said.version or "",
        meta=meta,
    )
    enrols = call.caller.role == ENROLMENT
    new, token = service.register(call.fleet, registration, hand_out_token=enrols, legacy=said.legacy)
    o = call.fleet.settings.orchestrator
    answer = Registered(
        agent_id=agent_id,
        agent_token=token or None,
        registry_token=(token or call.secret) if said.legacy else None,
        heartbeat_interval_secs=o.heartbeat_interval_secs,
        heartbeat_timeout_secs=o.lease_secs,
        server_time=moment(call.fleet.clock()) or "",
    )
    return Answer(answer, 201 if new else 200)


@ENDPOINTS.post("/api/v1/agents/heartbeat", May.AGENT, {200: Beat})
def heartbeat(call: Call, said: Heartbeat) -> Answer:
    """A sign of life: extends the leases it names, and says which runs are to be stopped or dropped."""
    agent_id = call.caller.as_agent(said.agent_id)
    running = None if said.running is None else [(run.task_id, run.fence) for run in said.running]
    job = call.caller.job
    if job and job.task_id:  # others of the same agent have their own jobs
        running = [run for run in running or () if run == (job.task_id, job.fence)]
    commands = service.heartbeat(call.fleet, agent_id, running)
    agent = call.fleet.read(lambda sql: agents.find(sql, agent_id))
    answer = Beat(
        commands=[Ordered(task_id=c.task_id, fence=c.fence, command=c.command, text=c.text or None) for c in commands],
        drain=agent is not None and agent.status == agents.DRAINING,
        next_secs=call.fleet.settings.orchestrator.heartbeat_interval_secs,
    )
    return Answer(answer)


@ENDPOINTS.post("/api/v1/agents/deregister", May.AGENT, {200: Requeued})
def deregister(call: Call, said: Deregister) -> Answer:
    """The agent leaves; what it runs goes back to the queue and counts as no attempt."""
    agent_id = call.caller.as_agent(said.agent_id)
    _refuse_started_jobs(call.caller, agent_id)
    return Answer(Requeued(requeued=service.deregister(call.fleet, agent_id)))


@ENDPOINTS.get("/api/v1/agents", May.READ, {200: AgentPage})
def agents_list(call: Call, asked: Filter) -> Answer:
    """Agents by id."""
    found, running = call.fleet.read(
        lambda sql: (
            (kept := [a for a in agents.listed(sql) if _wanted(a, asked)]),
            {a.id: attempts.count_running(sql, a.id) for a in kept},
        )
    )
    shown, cursor = page(found, lambda a: a.id, asked.cursor, asked.limit)
    return Answer(AgentPage(agents=[_shown(a, running[a.id]) for a in shown], next_cursor=cursor))


def _refuse_taking_over(fleet: Fleet, caller: Caller, agent_id: str) -> None:
    """Where agents must use tokens of their own, the shared one cannot change an agent that has used one."""
    if caller.role != ENROLMENT or not fleet.settings.orchestrator.require_agent_tokens:
        return
    if fleet.read(lambda sql: service.has_own_token(sql, agent_id, fleet.clock())):
        raise Refused(text.has_its_own_token(agent_id), text.make_agent_token(agent_id), 403, "has_own_token")


def _refuse_started_jobs(caller: Caller, agent_id: str) -> None:
    """Agents that are jobs we start stand in the configuration: one job neither makes nor ends them."""
    if agent_id in caller.jobs:
        raise Refused(text.agent_of_a_host(agent_id), text.choose_another_id(), 403, "not_yours")


def _wanted(agent: Agent, asked: Filter) -> bool:
    return (
        asked.status in (None, agent.status)
        and asked.agent_type in (None, agent.agent_type)
        and asked.host_id in (None, agent.host)
        and asked.mode in (None, agent.mode)
        and (asked.capability is None or asked.capability in agent.capabilities)
    )


def _shown(agent: Agent, running: int) -> AgentShown:
    return AgentShown(
        agent_id=agent.id,
        agent_type=agent.agent_type,
        capabilities=list(agent.capabilities),
        max_concurrency=agent.max_concurrency,
        running=running,
        host_id=agent.host,
        hostname=agent.host,
        mode=agent.mode,
        status=agents.OFFLINE if agent.status == agents.GONE else agent.status,
        version=agent.version,
        registered_at=moment(agent.registered_at),
        last_seen=moment(agent.last_seen),
    )
