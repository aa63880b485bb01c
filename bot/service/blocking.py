"""Issues that wait for others, by the forge's own dependencies, across repositories too."""

from typing import Final

from bot.core import command_text
from bot.core.facts import Blocker
from bot.forge import Missing, RepoRef
from bot.service.fleet import Fleet, ref
from bot.store.forge_facts import KnownRepository

#: Issues looked at when a circle is searched for.
_FARTHEST: Final = 25


def reason(fleet: Fleet, repo: KnownRepository, number: int) -> str:
    """What the issue waits for, in half a sentence; "" = nothing that is open. Names a circle. Raises Unavailable."""
    here = repo.full_name
    waits = [x for x in fleet.forge.issues.blockers(ref(repo), number) if x.is_open]
    if not waits:
        return ""
    circle = _circle(fleet, here, number, waits)
    if circle:
        return command_text.waits_in_a_circle([_shown(x, here) for x in circle])
    return command_text.waits_for([_shown((x.repo, x.number), here) for x in waits])


def _circle(fleet: Fleet, repo: str, number: int, waits: list[Blocker]) -> list[tuple[str, int]]:
    """The way back to where it began, [] when there is none within reach."""
    start = (repo, number)
    ways = [[start, (x.repo, x.number)] for x in waits]
    seen: set[tuple[str, int]] = set()
    while ways and len(seen) < _FARTHEST:
        way = ways.pop(0)
        if way[-1] == start:
            return way
        if way[-1] in seen or not way[-1][1]:
            continue
        seen.add(way[-1])
        try:
            further = fleet.forge.issues.blockers(RepoRef(0, way[-1][0]), way[-1][1])
        except Missing:
            continue
        ways += [[*way, (x.repo, x.number)] for x in further if x.is_open]
    return []


def _shown(issue: tuple[str, int], here: str) -> str:
    repo, number = issue
    if not number:
        return "an issue that the bot may not see"
    return f"#{number}" if repo == here else f"{repo}#{number}"
