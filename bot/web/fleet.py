"""The fleet as a whole, and what this server is."""

from typing import Annotated, Final

from pydantic import Field

import bot
from bot.service import pausing
from bot.store import Sql, agents, attempts, classes, counters, forge_facts, pauses
from bot.web.answers import Answer, Shown, moment
from bot.web.callers import May
from bot.web.endpoint import Call, Endpoints
from bot.web.fields import AgentId, Line, RepoName
from bot.web.requests import Said

ENDPOINTS: Final = Endpoints("fleet", "The fleet")

#: What this server can do; agents and tools look here before they use it.
FEATURES: Final = ("long_poll", "claim_id", "fences", "source_bundles", "result_bundles", "earlier_wire")


class About(Shown):
    name: str
    version: str
    features: list[str]


class Queue(Shown):
    """Waiting tasks that ask for the same."""

    repo: str
    requirements: list[str]
    reserved_for: str | None
    waiting: int


class Slots(Shown):
    """Over the agents that are online or draining."""

    total: int
    used: int


class PauseShown(Shown):
    """Nothing is started there."""

    repo: str | None
    """null = everywhere."""
    agent: str | None
    """An id or a type, null = all of them."""
    source: str
    """`command` (also by this API), `policy` (the repository's file was removed) or `label` (`fleet/halt`)."""
    by: str
    reason: str
    since: str | None
    until: str | None


class FleetShown(Shown):
    pauses: list[PauseShown]
    """Those in force, widest first."""
    tasks: dict[str, int]
    """How many there are in each state."""
    queue: list[Queue]
    agents: dict[str, int]
    """How many are online, offline, draining."""
    slots: Slots


class Resume(Said):
    repo: RepoName | None = None
    """Default: the whole fleet."""
    agent: AgentId | None = None
    """An id or a type; default: all of them."""


class Pause(Resume):
    reason: Annotated[Line, Field(min_length=1)]
    for_secs: Annotated[int, Field(ge=1, le=366 * 86400)] | None = None
    """Default: until `resume`."""


class Halt(Said):
    repo: RepoName | None = None
    """Default: the whole fleet."""
    reason: Annotated[Line, Field(min_length=1)]


@ENDPOINTS.get("/api/v1", May.ANY_TOKEN, {200: About})
def about(call: Call) -> Answer:  # noqa: ARG001 - every handler has a call
    """Version and features."""
    return Answer(About(name="agent-fleet", version=bot.__version__, features=list(FEATURES)))


@ENDPOINTS.get("/api/v1/fleet", May.READ, {200: FleetShown})
def fleet(call: Call) -> Answer:
    """Pauses, length of the queue by state and by what is asked for, and the agents' slots."""
    return _shown(call)


@ENDPOINTS.post("/api/v1/fleet/pause", May.ADMIN, {200: FleetShown})
def pause(call: Call, said: Pause) -> Answer:
    """Starts nothing new; what runs goes on. Asked again, the newer reason and end count."""
    pausing.order_pause(
        call.fleet,
        repo_name=said.repo or "",
        agent=said.agent or "",
        by=call.caller.name,
        reason=said.reason,
        secs=said.for_secs or 0,
    )
    return _shown(call)


@ENDPOINTS.post("/api/v1/fleet/resume", May.ADMIN, {200: FleetShown})
def resume(call: Call, said: Resume) -> Answer:
    """Ends what `pause` or `halt` began with the same `repo` and `agent`, here or by comment."""
    pausing.order_resume(call.fleet, repo_name=said.repo or "", agent=said.agent or "")
    return _shown(call)


@ENDPOINTS.post("/api/v1/fleet/halt", May.ADMIN, {200: FleetShown})
def halt(call: Call, said: Halt) -> Answer:
    """Pauses, and cancels everything that runs there."""
    pausing.order_halt(call.fleet, repo_name=said.repo or "", by=call.caller.name, reason=said.reason)
    return _shown(call)


def _shown(call: Call) -> Answer:
    now = call.fleet.clock()
    return Answer(call.fleet.read(lambda sql: _fleet(sql, now)))


def _fleet(sql: Sql, now: float) -> FleetShown:
    names = {x.id: x.full_name for x in forge_facts.repos(sql)}
    known = agents.listed(sql)
    present = [a for a in known if a.status != agents.OFFLINE]
    waiting = [
        Queue(repo=repo, requirements=list(key.requirements), reserved_for=key.reserved_for or None, waiting=count)
        for _, key, repo, count in classes.waiting(sql)
    ]
    return FleetShown(
        pauses=[
            PauseShown(
                repo=None if x.whole_fleet else names.get(x.repo_id, ""),
                agent=x.agent or None,
                source=x.source.partition(":")[0],
                by=x.by,
                reason=x.reason,
                since=moment(x.at),
                until=moment(x.until),
            )
            for x in pauses.in_force(sql, now)
        ],
        tasks=counters.tasks_by_state(sql),
        queue=waiting,
        agents={s: sum(a.status == s for a in known) for s in (agents.ONLINE, agents.OFFLINE, agents.DRAINING)},
        slots=Slots(
            total=sum(a.max_concurrency for a in present),
            used=sum(attempts.count_running(sql, a.id) for a in present),
        ),
    )
