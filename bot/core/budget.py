"""What agents took held against what they may take. Pure; 0 as a limit = none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.core import retry_text as text
from bot.core.usage import Used


@dataclass(frozen=True)
class Spent:
    """``usd`` as the agent CLIs report it, else by our prices (``estimated``); what nobody knows counts as nothing."""

    tokens: int = 0
    usd: float = 0.0
    estimated: bool = False

    def __add__(self, other: "Spent") -> "Spent":
        estimated = self.estimated or other.estimated
        return Spent(self.tokens + other.tokens, self.usd + other.usd, estimated)


@dataclass(frozen=True)
class Limit:
    usd: float = 0.0
    tokens: int = 0


def spent(used: Iterable[Used]) -> Spent:
    total = Spent()
    for one in used:
        usd = one.reported_usd if one.reported_usd is not None else one.estimated_usd
        guessed = one.reported_usd is None and one.estimated_usd is not None
        total += Spent(one.input_tokens + one.output_tokens, usd or 0.0, guessed)
    return total


def own(runs: Sequence[tuple[str, Sequence[Used]]]) -> tuple[Used, ...]:
    """What the last of ``runs`` (session, usage; oldest first) took by itself.

    A session's total holds what earlier runs of the same session took: that is taken off.
    """
    session, used = runs[-1]
    earlier: dict[str, Used] = {}
    for name, rows in runs[:-1]:
        if session and name == session:
            earlier |= {one.model: one for one in rows if one.kind == "session"}
    return tuple(_less(one, earlier.get(one.model)) if one.kind == "session" else one for one in used)


def exceeded(scope: str, took: Spent, limit: Limit) -> str:
    """Half a sentence that says which limit was passed, "" for none. ``scope`` is run, task, repo_day or day."""
    if limit.usd and took.usd > limit.usd:
        return text.over_usd(scope, took.usd, limit.usd, estimated=took.estimated)
    if limit.tokens and took.tokens > limit.tokens:
        return text.over_tokens(scope, took.tokens, limit.tokens)
    return ""


def _less(one: Used, before: Used | None) -> Used:
    if before is None:
        return one
    return replace(
        one,
        input_tokens=max(0, one.input_tokens - before.input_tokens),
        output_tokens=max(0, one.output_tokens - before.output_tokens),
        cached_tokens=max(0, one.cached_tokens - before.cached_tokens),
        reported_usd=_minus(one.reported_usd, before.reported_usd),
        estimated_usd=_minus(one.estimated_usd, before.estimated_usd),
    )


def _minus(one: float | None, before: float | None) -> float | None:
    return None if one is None else max(0.0, one - (before or 0.0))
