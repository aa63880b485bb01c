"""Is it alive, and is it able to work?"""

from typing import Final

from bot.service import readiness as service
from bot.service.fleet import Fleet
from bot.web.answers import Answer, Shown
from bot.web.callers import May
from bot.web.endpoint import Call, Endpoints

ENDPOINTS: Final = Endpoints("health", "Health")


class Readiness(Shown):
    """``ready`` is false when tasks would not move; ``degraded`` says what is only late."""

    ready: bool
    problems: list[str]
    degraded: list[str]
    loops: dict[str, float]
    """Seconds since each loop of the worker last came round."""


@ENDPOINTS.get("/healthz", May.ANYONE, {200: "text/plain"})
def healthz(call: Call) -> Answer:  # noqa: ARG001 - every handler has a call
    """The process lives; nothing is read."""
    return Answer("ok")


@ENDPOINTS.get("/readyz", May.ANYONE, {200: Readiness, 503: Readiness})
def readyz(call: Call) -> Answer:
    """Database, migrations and the worker's loops. A forge that does not answer degrades, it does not fail."""
    found = readiness(call.fleet)
    return Answer(found, 200 if found.ready else 503)


def readiness(fleet: Fleet) -> Readiness:
    """Raises Unavailable or the database's own error when that cannot be read."""
    found = service.look(fleet)
    problems, degraded = list(found.problems), [*found.late, *found.hosts]
    return Readiness(ready=not problems, problems=problems, degraded=degraded, loops=found.loops)
