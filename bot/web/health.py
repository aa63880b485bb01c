"""Is it alive, and is it able to work?"""

import math
from typing import Final

from bot.core import api_text as text
from bot.execution.git import NETWORK_SECS
from bot.service.fleet import Fleet
from bot.store import beats, hosts, outbox
from bot.store.database import pending
from bot.web.answers import Answer, Shown
from bot.web.callers import May
from bot.web.endpoint import Call, Endpoints

ENDPOINTS: Final = Endpoints("health", "Health")

#: Loops of the worker that must come round, and after how many seconds of silence they count as stuck. They show a
#: sign between any two items, so on top of this comes what one item may wait for a forge that hangs.
_LOOPS: Final = {"inbox": 60.0, "outbox": 60.0 + NETWORK_SECS, "dispatch": 60.0, "timers": 30.0}
#: Wishes that have failed this often mean that the forge does not answer.
_FAILED_TRIES: Final = 2


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
    now = fleet.clock()
    missing = pending(fleet.store.where)
    ages, waiting, stand = fleet.read(lambda sql: (beats.ages(sql, now), outbox.pending(sql), hosts.listed(sql)))
    problems = [text.migrations_missing(missing)] if missing else []
    one_call = fleet.settings.forgejo.request_timeout_secs
    late = {name for name, limit in _LOOPS.items() if ages.get(name, math.inf) > limit + one_call}
    if late:
        problems.append(text.worker_silent(sorted(late)))
    failing = sum(tries >= _FAILED_TRIES for _, tries, _ in waiting)
    degraded = [text.forge_behind(failing)] if failing else []
    degraded += [host.why for host in stand if host.state != hosts.UP]
    return Readiness(ready=not problems, problems=problems, degraded=degraded, loops=ages)
