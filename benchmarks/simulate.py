"""What saturates first: `python -m benchmarks.simulate [--agents N …] [--tasks-a-day N] [--costs FILE]`.

A day's busiest hour, task by task, with the matching of the service itself (`bot.core.matching`) and its rule of who
is next. What things cost is an input: the defaults are measured figures (docs/explanation/scale.md), a file of JSON
with other values of `Costs` replaces them.
"""

import argparse
import heapq
import itertools
import json
import random
import statistics
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bot.core import matching
from bot.core.matching import Candidate, ClassKey

_HOUR: Final = 3600.0
#: (capabilities, share of the agents, of the tasks that need just these)
_KINDS: Final = (
    (("python",), 0.4, 0.35),
    (("python", "gpu"), 0.1, 0.05),
    (("rust",), 0.2, 0.2),
    (("javascript",), 0.2, 0.3),
    (("python", "rust", "javascript"), 0.1, 0.1),
)


@dataclass(frozen=True)
class Costs:
    """Of one machine with two cores. ``_ms`` are of one processor, or of the turn to write where it says so."""

    turn_ms: float = 0.5
    """A step's turn to write: its statements and the durable commit, nothing else."""
    batch: float = 4.0
    """Steps that share one commit when many wait; never more than wait."""
    claim_ms: float = 0.7
    steps_per_task: float = 12.0
    """Transactions from the webhook to the merge, the claim aside."""
    web_ms: float = 1.2
    """A request to a web process."""
    requests_per_task: float = 8.0
    web_processes: float = 2.0
    forge_calls_per_task: float = 25.0
    forge_ms: float = 15.0
    """A call of the forge; each of the worker's loops makes them one after another."""
    forge_loops: float = 2.0
    beats_secs: float = 60.0
    """Between an agent's heartbeats; written at most that often."""
    idle_look_ms: float = 0.2
    """What an agent that waits takes of a web process every two seconds."""
    mb_per_waiting: float = 0.16
    bytes_per_task: float = 2930.0


@dataclass(frozen=True)
class Load:
    agents: int
    tasks_a_day: int
    run_secs: float = 600.0
    """Mean of a run; runs differ a lot (log-normal)."""
    peak: float = 2.5
    """The busiest hour over the mean one."""
    repos: int = 50
    seed: int = 1

    @property
    def per_sec(self) -> float:
        return self.tasks_a_day / 86_400 * self.peak


@dataclass
class Seen:
    """Waits in seconds, from claimable to leased. ``left`` never got an agent within the hour."""

    waits: list[float] = field(default_factory=list)
    left: int = 0
    busiest: int = 0

    def quantile(self, share: float) -> float:
        return sorted(self.waits)[min(len(self.waits) - 1, int(share * len(self.waits)))] if self.waits else 0.0


def used(load: Load, costs: Costs) -> dict[str, float]:
    """Each resource's share that the busiest hour takes; above 1 it cannot keep up."""
    waiting = max(0.0, load.agents - load.per_sec * load.run_secs)
    writes = load.per_sec * costs.steps_per_task + load.agents / costs.beats_secs
    shared = max(1.0, min(costs.batch, writes * costs.turn_ms / 1000 * costs.batch))
    return {
        "agents": load.per_sec * load.run_secs / load.agents,
        "turn to write": writes * costs.turn_ms / 1000 / shared + load.per_sec * costs.claim_ms / 1000,
        "web processes": (
            (load.per_sec * costs.requests_per_task + load.agents / costs.beats_secs) * costs.web_ms
            + waiting / 2 * costs.idle_look_ms
        )
        / 1000
        / costs.web_processes,
        "calls of the forge": load.per_sec * costs.forge_calls_per_task * costs.forge_ms / 1000 / costs.forge_loops,
    }


class Hour:
    """Tasks arrive, agents take them: the most urgent first, then the longest waiting, of the classes that fit."""

    def __init__(self, load: Load, costs: Costs) -> None:
        self._load, self._costs = load, costs
        self._chance = random.Random(load.seed)
        self._queues: dict[ClassKey, deque[tuple[int, float, int]]] = {}
        self._kinds = [Candidate(f"kind-{n}", "exec", frozenset(kind), ()) for n, (kind, _, _) in enumerate(_KINDS)]
        shares = [share for _, share, _ in _KINDS]
        self._idle = Counter(self._chance.choices(range(len(_KINDS)), shares, k=load.agents))
        self._fits: dict[tuple[int, ClassKey], bool] = {}
        self._free_to_write = 0.0
        self.seen = Seen()

    def run(self) -> Seen:
        """The hour's waits."""
        numbers = itertools.count()
        coming: list[tuple[float, int, int]] = []  # when, number, the kind of agent that is free then
        for at, key, priority in self._arrivals():
            while coming and coming[0][0] <= at:
                self._frees(heapq.heappop(coming), coming, numbers)
            self._queues.setdefault(key, deque()).append((priority, at, next(numbers)))
            kind = next((k for k in range(len(self._kinds)) if self._idle[k] and self._fit(k, key)), None)
            if kind is not None:
                self._idle[kind] -= 1
                self._takes(kind, at, coming, numbers)
        while coming and coming[0][0] <= _HOUR:
            self._frees(heapq.heappop(coming), coming, numbers)
        self.seen.left = sum(len(queue) for queue in self._queues.values())
        return self.seen

    def _arrivals(self) -> Iterator[tuple[float, ClassKey, int]]:
        at = 0.0
        wanted = [share for _, _, share in _KINDS]
        while (at := at + self._chance.expovariate(self._load.per_sec)) < _HOUR:
            kind = self._chance.choices(_KINDS, wanted)[0][0]
            yield at, ClassKey(self._chance.randrange(self._load.repos), tuple(sorted(kind))), matching.NORMAL

    def _fit(self, kind: int, key: ClassKey) -> bool:
        known = self._fits.get((kind, key))
        if known is None:
            known = self._fits[kind, key] = matching.fits(self._kinds[kind], key, f"ann/lab-{key.repo_id}")
        return known

    def _frees(
        self, freed: tuple[float, int, int], coming: list[tuple[float, int, int]], numbers: Iterator[int]
    ) -> None:
        at, _, kind = freed
        if not self._takes(kind, at, coming, numbers):
            self._idle[kind] += 1

    def _takes(self, kind: int, at: float, coming: list[tuple[float, int, int]], numbers: Iterator[int]) -> bool:
        """The next task that fits, when there is one; claims have one turn after the other."""
        heads = [(queue[0], key) for key, queue in self._queues.items() if queue and self._fit(kind, key)]
        if not heads:
            return False
        (_, since, _), key = min(heads, key=lambda head: head[0])
        queue = self._queues[key]
        queue.popleft()
        if not queue:
            del self._queues[key]
        start = max(at, self._free_to_write) + self._costs.claim_ms / 1000
        self._free_to_write = start
        self.seen.waits.append(start - since)
        took = self._chance.lognormvariate(0, 1) * self._load.run_secs / 1.6487  # the mean of lognormal(0, 1)
        heapq.heappush(coming, (start + took, next(numbers), kind))
        self.seen.busiest = max(self.seen.busiest, len(coming))
        return True


def report(load: Load, costs: Costs) -> str:
    """One row of the table in docs/explanation/scale.md."""
    shares = used(load, costs)
    first = max(shares, key=lambda name: shares[name])
    seen = Hour(load, costs).run()
    cells = [f"{load.agents:,}", f"{load.tasks_a_day:,}", *(f"{100 * share:.0f} %" for share in shares.values()), first]
    mean = statistics.fmean(seen.waits) if seen.waits else 0.0
    cells += [*map(_span, (seen.quantile(0.5), seen.quantile(0.99), mean)), f"{seen.left:,}"]
    cells += [f"{load.agents * costs.mb_per_waiting / 1000:.1f} GB"]
    cells += [f"{load.tasks_a_day * costs.bytes_per_task / 1e9:.2f} GB"]
    return f"| {' | '.join(cells)} |"


def _span(secs: float) -> str:
    return f"{1000 * secs:.1f} ms" if secs < 1 else f"{secs:.0f} s" if secs < 120 else f"{secs / 60:.0f} min"


HEAD: Final = (
    "| agents | tasks a day | agents busy | turn to write | web | forge | first full | wait p50 | p99 | mean |"
    " left waiting | memory for waiting | disk a day |\n" + "|---" * 13 + "|"
)


def costs_from(given: Mapping[str, float]) -> Costs:
    """Raises TypeError for a name that is none of ours."""
    return Costs(**given)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--agents", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    asked.add_argument("--tasks-a-day", type=int, default=1_000_000)
    asked.add_argument("--run-secs", type=float, default=600.0)
    asked.add_argument("--forge-ms", type=float, help="a call of the forge takes so long")
    asked.add_argument("--costs", type=Path, help="JSON with values of Costs")
    chosen = asked.parse_args()
    try:
        costs = costs_from(json.loads(chosen.costs.read_text())) if chosen.costs else Costs()
    except (OSError, ValueError, TypeError) as problem:
        asked.error(f"{chosen.costs} cannot be used: {problem}; its members are the fields of Costs, all numbers")
    if chosen.forge_ms is not None:
        costs = replace(costs, forge_ms=chosen.forge_ms)
    print(HEAD)
    for agents in chosen.agents:
        print(report(Load(agents, chosen.tasks_a_day, chosen.run_secs), costs))


if __name__ == "__main__":
    main()
