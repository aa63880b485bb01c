"""Figures: each a ratio or an exponent of one run on one machine, with its goal."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Figure:
    """``values`` one per round; the median counts. ``at_most``: the goal is a ceiling, else a floor."""

    name: str
    goal: float | None
    at_most: bool = False
    values: list[float] = field(default_factory=list)
    detail: str = ""

    def add(self, value: float, detail: str) -> None:
        """The figure of one more round; the newest detail is shown."""
        self.values.append(value)
        self.detail = detail

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        """None where no goal is set."""
        if self.goal is None:
            return None
        return self.median <= self.goal if self.at_most else self.median >= self.goal

    @property
    def spread(self) -> str:
        return f"{min(self.values):.3g} … {max(self.values):.3g}"


class Wrong(Exception):
    """Something was lost or done twice: no speed makes up for that."""


def per_sec(act: Callable[[], int]) -> float:
    """``act`` returns how many it did."""
    started = time.perf_counter()
    done = act()
    return done / (time.perf_counter() - started)


def p99_ms(act: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.quantiles(taken, n=100)[98]


def table(figures: Sequence[Figure]) -> str:
    rows = ["| figure | median | spread | goal | reached | detail |", "|---|---|---|---|---|---|"]
    for f in figures:
        goal = "–" if f.goal is None else f"{'≤' if f.at_most else '≥'} {f.goal:g}"
        reached = {True: "yes", False: "**no**", None: "–"}[f.reached]
        rows.append(f"| {f.name} | {f.median:.3g} | {f.spread} | {goal} | {reached} | {f.detail} |")
    return "\n".join(rows)
