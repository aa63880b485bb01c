"""What waits for a person's approval: by an issue's label, by what an agent's change touches, by its cost. Pure.

A gate is a hold. What was approved is remembered with exactly what it was: a text's digest, a commit, an amount.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from bot.core import gate_text as text
from bot.core.budget import Spent

LABEL: Final = "gate:label"
COST: Final = "gate:cost"
PATHS: Final = "gate:paths"


@dataclass(frozen=True)
class Gates:
    """``usd`` 0 = whatever it costs."""

    labels: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    usd: float = 0.0


def is_gate(hold: str) -> bool:
    return hold.startswith("gate:")


def stricter(one: Gates, other: Gates) -> Gates:
    """What both ask for: neither can take away what the other one wants."""
    amounts = [x for x in (one.usd, other.usd) if x]
    return Gates(_both(one.labels, other.labels), _both(one.paths, other.paths), min(amounts, default=0.0))


def labels_held(gates: Gates, labels: Collection[str]) -> tuple[str, ...]:
    """The issue's labels that ask for approval; letters count without their case, as the forge shows them."""
    wanted = {x.casefold() for x in gates.labels}
    return tuple(sorted(x for x in labels if x.casefold() in wanted))


def too_dear(gates: Gates, took: Spent, approved_usd: float) -> str:
    """Why a task waits that took this much, "" when it does not. ``approved_usd`` is what a person agreed to."""
    limit = max(gates.usd, approved_usd)
    return text.too_dear(took.usd, limit, estimated=took.estimated) if gates.usd and took.usd > limit else ""


def next_amount(gates: Gates, took: Spent) -> float:
    """What an approval allows in all: as much again as the first time."""
    return round(took.usd + gates.usd, 2)


def _both(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*one, *other]))
