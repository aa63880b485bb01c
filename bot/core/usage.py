"""Tokens and cost of attempts, by model, added up rightly; what a CLI reports and what we estimate stay apart.

A CLI counts in one of three ways: a "run" (the attempt), a "step" of it (steps add up), or the whole "session" so
far (the later total replaces the earlier, also across the attempts that went on with the session).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

KINDS: Final = ("run", "step", "session")
_MILLION: Final = 1_000_000
_MOST: Final = 2**53


@dataclass(frozen=True)
class Used:
    """What one model took. ``input_tokens`` include the cached ones. ``reported_usd`` None = the CLI does not say,
    ``estimated_usd`` None = there is no price for the model.
    """

    model: str
    kind: str
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reported_usd: float | None = None
    estimated_usd: float | None = None


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens; ``cached`` for input tokens that were cached."""

    input: float
    output: float
    cached: float


def fold(reports: Iterable[Used]) -> tuple[Used, ...]:
    """One row for each model and kind that counts: steps are added up, a later run or session total replaces.

    Where a model has both a total and steps, the total counts: it holds them. Folding a fold changes nothing, so
    steps become a "run".
    """
    found: dict[tuple[str, str], Used] = {}
    for one in reports:
        key = (one.model, one.kind)
        before = found.get(key)
        found[key] = _added(before, one) if before is not None and one.kind == "step" else one
    rows = []
    for (model, kind), one in found.items():
        if kind == "step" and ({(model, "run"), (model, "session")} & found.keys()):
            continue
        if kind == "session" and (model, "run") in found:
            continue
        rows.append(replace(one, kind="run") if kind == "step" else one)
    return tuple(sorted(rows, key=lambda one: one.model))


def total(attempts: Iterable[tuple[str, Iterable[Used]]]) -> tuple[Used, ...]:
    """What several attempts took together; each is its session ("" = none) and its fold, oldest first.

    Totals of one session count once, the last one.
    """
    sessions: dict[tuple[str, str], Used] = {}
    rows: list[Used] = []
    for number, (session, used) in enumerate(attempts):
        for one in used:
            if one.kind == "session":
                sessions[session or f"#{number}", one.model] = one
            else:
                rows.append(one)
    found: dict[str, Used] = {}
    for one in (*rows, *sessions.values()):
        before = found.get(one.model)
        found[one.model] = replace(_added(before, one) if before else one, kind="run")
    return tuple(found[model] for model in sorted(found))


def estimated(used: Iterable[Used], prices: Mapping[str, Price]) -> tuple[Used, ...]:
    """With what it would cost by ``prices``; a model without a price has no estimate."""
    return tuple(
        replace(one, estimated_usd=_cost(one, prices[one.model]) if one.model in prices else None) for one in used
    )


def read(said: object) -> tuple[Used, ...]:
    """The rows in an agent's own words (``{model, kind, in, out, cache_r, cost_usd}``, one or a list), cleaned.

    What is no number counts as none: an agent's report is never refused for it.
    """
    rows = said if isinstance(said, list) else [said]
    return tuple(_row(one) for one in rows[:200] if isinstance(one, Mapping))


def shown(used: Iterable[Used]) -> list[dict[str, Any]]:
    """As it is stored and as the API has it."""
    return [
        {
            "model": one.model,
            "kind": one.kind,
            "in": one.input_tokens,
            "out": one.output_tokens,
            "cache_r": one.cached_tokens,
            "cost_usd": one.reported_usd,
            "estimated_usd": one.estimated_usd,
        }
        for one in used
    ]


def _row(said: Mapping[str, Any]) -> Used:
    kind = said.get("kind")
    model = said.get("model")
    return Used(
        model=model[:200] if isinstance(model, str) else "",
        kind=kind if kind in KINDS else "run",
        input_tokens=_count(said.get("in")),
        output_tokens=_count(said.get("out")),
        cached_tokens=_count(said.get("cache_r")),
        reported_usd=_money(said.get("cost_usd")),
        estimated_usd=_money(said.get("estimated_usd")),
    )


def _count(value: object) -> int:
    return min(value, _MOST) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _money(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST
    return float(value) if usable and isinstance(value, int | float) else None


def _added(one: Used, other: Used) -> Used:
    return replace(
        one,
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        cached_tokens=one.cached_tokens + other.cached_tokens,
        reported_usd=_sum(one.reported_usd, other.reported_usd),
        estimated_usd=_sum(one.estimated_usd, other.estimated_usd),
    )


def _sum(one: float | None, other: float | None) -> float | None:
    """A part that nobody knows is left out, not guessed."""
    return other if one is None else one if other is None else one + other


def _cost(one: Used, price: Price) -> float:
    cached = min(one.cached_tokens, one.input_tokens)
    fresh = one.input_tokens - cached
    return (fresh * price.input + cached * price.cached + one.output_tokens * price.output) / _MILLION
