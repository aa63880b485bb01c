"""The labels that the fleet needs in a repository."""

from dataclasses import dataclass
from typing import Final

from bot.core import view
from bot.service.fleet import Fleet, ref
from bot.store.forge_facts import KnownRepository

INPUT_COLOR: Final = "795548"


@dataclass(frozen=True)
class WantedLabel:
    """``exclusive``: one of its scope at a time."""

    name: str
    color: str
    description: str
    exclusive: bool


#: Set by the bot, one at a time.
SHOWN: Final = tuple(WantedLabel(f"fleet/{x.name}", x.color, x.description, True) for x in view.STATE_LABELS)


def missing(fleet: Fleet, repo: KnownRepository, wanted: tuple[WantedLabel, ...] = SHOWN) -> list[WantedLabel]:
    """Those that the repository does not have; names are compared exactly, they need not be unique on a forge."""
    there = {x.name for x in fleet.forge.repos.labels(ref(repo))}
    return [x for x in wanted if x.name not in there]


def ensure(fleet: Fleet, repo: KnownRepository, wanted: tuple[WantedLabel, ...] = SHOWN) -> list[str]:
    """Makes the missing ones; returns their names. Labels that exist keep their colour and text."""
    made = []
    for label in missing(fleet, repo, wanted):
        fleet.forge.repos.make_label(ref(repo), label.name, label.color, label.description, exclusive=label.exclusive)
        made.append(label.name)
    return made
