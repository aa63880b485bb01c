"""Whether the service can work: the same answer for `/readyz`, the dashboard and whoever else asks."""

import math
from dataclasses import dataclass
from typing import Final

from bot.core import api_text as text
from bot.core import damage_text
from bot.execution.git import NETWORK_SECS
from bot.service.fleet import Fleet
from bot.store import beats, hosts, outbox
from bot.store.database import pending

#: Loops of the worker that must come round, and after how many seconds of silence they count as stuck. They show a
#: sign between any two items, so on top of this comes what one item may wait for a forge that hangs.
_LOOPS: Final = {"inbox": 60.0, "outbox": 60.0 + NETWORK_SECS, "dispatch": 60.0, "timers": 30.0}
#: Wishes that have failed this often mean that the forge does not answer.
_FAILED_TRIES: Final = 2


@dataclass(frozen=True)
class Readiness:
    """``problems``: tasks do not move; ``late``: something is only late, or fails; ``hosts``: what is wrong with which.

    ``loops`` are seconds since each loop of the worker last came round.
    """

    problems: tuple[str, ...]
    late: tuple[str, ...]
    hosts: tuple[str, ...]
    loops: dict[str, float]


def look(fleet: Fleet) -> Readiness:
    """Raises Unavailable or the database's own error when that cannot be read."""
    now = fleet.clock()
    missing = pending(fleet.store.where)
    ages, waiting, stand, failing = fleet.read(
        lambda sql: (beats.ages(sql, now), outbox.pending(sql), hosts.listed(sql), beats.failing(sql, now))
    )
    problems = [text.migrations_missing(missing)] if missing else []
    one_call = fleet.settings.forgejo.request_timeout_secs
    late = {name for name, limit in _LOOPS.items() if ages.get(name, math.inf) > limit + one_call}
    if late:
        problems.append(text.worker_silent(sorted(late)))
    not_taken = sum(tries >= _FAILED_TRIES for _, tries, _ in waiting)
    return Readiness(
        problems=tuple(problems),
        late=(
            *((text.forge_behind(not_taken),) if not_taken else ()),
            *(f"{damage_text.part_fails(*one)} {damage_text.see_the_log_and_verify()}" for one in failing.items()),
        ),
        hosts=tuple(host.why for host in stand if host.state != hosts.UP),
        loops=ages,
    )
