"""What past tasks say together: how many ended, how long they waited and ran, who did well, what it cost."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

_DAY_SECS: Final = 86_400
#: Shares of tasks whose times are told.
SHARES: Final = (50, 90, 99)
#: Days drawn at most; agents and reasons told at most.
MOST_DAYS: Final = 60
MOST_ROWS: Final = 12


class PastTask(Protocol):
    """What must be known of one; times are epoch seconds, 0 = never, ``cost`` below 0 = not known."""

    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def agent(self) -> str: ...
    @property
    def created_at(self) -> float: ...
    @property
    def claimed_at(self) -> float: ...
    @property
    def run_secs(self) -> float: ...
    @property
    def ended_at(self) -> float: ...
    @property
    def cost(self) -> float: ...
    @property
    def pull_request(self) -> int: ...


@dataclass(frozen=True)
class Day:
    """What ended on one day (UTC); ``at`` is its beginning."""

    at: float
    done: int
    failed: int


@dataclass(frozen=True)
class Share:
    """``name``: an agent; of its ``ended`` tasks ``done`` were merged (or needed no change)."""

    name: str
    ended: int
    done: int

    @property
    def percent(self) -> int:
        return round(100 * self.done / self.ended) if self.ended else 0


@dataclass(frozen=True)
class Lookback:
    """``wait`` and ``run`` are seconds by share of tasks ({} = none known); ``per_merge`` None = nothing is known."""

    tasks: int
    days: tuple[Day, ...]
    wait: dict[int, float]
    run: dict[int, float]
    by_agent: tuple[Share, ...]
    by_reason: tuple[tuple[str, int], ...]
    cost: float | None
    merged: int
    per_merge: float | None


def look_back(past: Sequence[PastTask]) -> Lookback:
    ended = [one for one in past if one.state in ("done", "failed")]
    merged = sum(one.state == "done" and one.pull_request > 0 for one in ended)
    costs = [one.cost for one in past if one.cost >= 0]
    cost = sum(costs) if costs else None
    return Lookback(
        tasks=len(past),
        days=_days(ended),
        wait=shares([one.claimed_at - one.created_at for one in past if one.claimed_at]),
        run=shares([one.run_secs for one in past if one.run_secs > 0]),
        by_agent=_by_agent(ended),
        by_reason=tuple(Counter(one.reason or "-" for one in ended if one.state == "failed").most_common(MOST_ROWS)),
        cost=cost,
        merged=merged,
        per_merge=cost / merged if cost is not None and merged else None,
    )


def shares(values: Iterable[float]) -> dict[int, float]:
    """For each of ``SHARES`` the value that so many percent do not pass (nearest rank)."""
    ordered = sorted(max(0.0, value) for value in values)
    if not ordered:
        return {}
    return {share: ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)] for share in SHARES}


def _days(ended: Sequence[PastTask]) -> tuple[Day, ...]:
    """Each day from the first to the last, also those on which nothing ended; the newest ``MOST_DAYS``."""
    counted = Counter((int(one.ended_at // _DAY_SECS), one.state) for one in ended if one.ended_at)
    if not counted:
        return ()
    last = max(day for day, _ in counted)
    first = max(min(day for day, _ in counted), last - MOST_DAYS + 1)
    return tuple(Day(day * _DAY_SECS, counted[day, "done"], counted[day, "failed"]) for day in range(first, last + 1))


def _by_agent(ended: Sequence[PastTask]) -> tuple[Share, ...]:
    all_of, done = Counter(one.agent for one in ended), Counter(one.agent for one in ended if one.state == "done")
    return tuple(Share(name or "-", count, done[name]) for name, count in all_of.most_common(MOST_ROWS))
