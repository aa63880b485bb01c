"""The fleet as a whole, and what this server is."""

from typing import Final

import bot
from bot.store import Sql, agents, attempts, classes, tasks
from bot.web.answers import Answer, Shown
from bot.web.callers import May
from bot.web.endpoint import Call, Endpoints

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


class FleetShown(Shown):
    tasks: dict[str, int]
    """How many there are in each state."""
    queue: list[Queue]
    agents: dict[str, int]
    """How many are online, offline, draining."""
    slots: Slots


@ENDPOINTS.get("/api/v1", May.ANY_TOKEN, {200: About})
def about(call: Call) -> Answer:  # noqa: ARG001 - every handler has a call
    """Version and features."""
    return Answer(About(name="agent-fleet", version=bot.__version__, features=list(FEATURES)))


@ENDPOINTS.get("/api/v1/fleet", May.READ, {200: FleetShown})
def fleet(call: Call) -> Answer:
    """Length of the queue by state and by what is asked for, and the agents' slots."""
    return Answer(call.fleet.read(_fleet))


def _fleet(sql: Sql) -> FleetShown:
    known = agents.listed(sql)
    present = [a for a in known if a.status != agents.OFFLINE]
    waiting = [
        Queue(repo=repo, requirements=list(key.requirements), reserved_for=key.reserved_for or None, waiting=count)
        for _, key, repo, count in classes.waiting(sql)
    ]
    return FleetShown(
        tasks=tasks.counts(sql),
        queue=waiting,
        agents={s: sum(a.status == s for a in known) for s in (agents.ONLINE, agents.OFFLINE, agents.DRAINING)},
        slots=Slots(
            total=sum(a.max_concurrency for a in present),
            used=sum(attempts.count_running(sql, a.id) for a in present),
        ),
    )
