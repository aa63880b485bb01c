"""What past tasks say together: how many ended, how long they waited and ran, who did well, what it cost."""

import math
from collections import Counter, defaultdict
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
    """What ended on one day (UTC); ``at`` is its beginning, ``cost`` that of what ended (None = not known)."""

    at: float
    done: int
    failed: int
    merged: int = 0
    cost: float | None = None

    @property
    def per_merge(self) -> float | None:
        """US dollars for each merged pull request of the day, also what failed that day counted; None = not known."""
        return self.cost / self.merged if self.cost is not None and self.merged else None


@dataclass(frozen=True)
class Share:
    """``name``: an agent; of its ``ended`` tasks ``done`` were merged (or needed no change), the others failed for
    ``reasons``, the most frequent first."""

    name: str
    ended: int
    done: int
    reasons: tuple[tuple[str, int], ...] = ()

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
    ended: int
    by_reason: tuple[tuple[str, int], ...]
    cost: float | None
    merged: int
    per_merge: float | None


def look_back(past: Sequence[PastTask]) -> Lookback:
    ended = [one for one in past if one.state in ("done", "failed")]
    merged, cost = sum(map(_was_merged, ended)), _cost(past)
    return Lookback(
        tasks=len(past),
        days=_days(ended),
        wait=shares([one.claimed_at - one.created_at for one in past if one.claimed_at]),
        run=shares([one.run_secs for one in past if one.run_secs > 0]),
        by_agent=_by_agent(ended),
        ended=len(ended),
        by_reason=_reasons(ended),
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
    by_day = defaultdict[int, list[PastTask]](list)
    for one in ended:
        if one.ended_at:
            by_day[int(one.ended_at // _DAY_SECS)].append(one)
    if not by_day:
        return ()
    last = max(by_day)
    first = max(min(by_day), last - MOST_DAYS + 1)
    return tuple(_day(number, by_day.get(number, [])) for number in range(first, last + 1))


def _day(number: int, ended: Sequence[PastTask]) -> Day:
    done = sum(one.state == "done" for one in ended)
    return Day(number * _DAY_SECS, done, len(ended) - done, sum(map(_was_merged, ended)), _cost(ended))


def _by_agent(ended: Sequence[PastTask]) -> tuple[Share, ...]:
    of = defaultdict[str, list[PastTask]](list)
    for one in ended:
        of[one.agent].append(one)
    busiest = sorted(of.items(), key=lambda item: -len(item[1]))[:MOST_ROWS]
    return tuple(
        Share(name or "-", len(his), sum(one.state == "done" for one in his), _reasons(his)) for name, his in busiest
    )


def _reasons(ended: Sequence[PastTask]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(one.reason or "-" for one in ended if one.state == "failed").most_common(MOST_ROWS))


def _was_merged(one: PastTask) -> bool:
    return one.state == "done" and one.pull_request > 0


def _cost(past: Sequence[PastTask]) -> float | None:
    known = [one.cost for one in past if one.cost >= 0]
    return sum(known) if known else None
