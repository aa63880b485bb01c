"""Handing out work: against SqliteHuey's bare dequeue, over the queue's length, and fairly."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import filling
from benchmarks.measure import Figure, Wrong, p99_ms, per_sec
from bot.store import Store

_AGENTS: Final = 32


def dequeue(folder: Path, rounds: int, number: int) -> Iterator[Figure]:
    """By one agent alone, and by as many at once as fairness is measured with; huey's likewise, in threads."""
    from huey import SqliteHuey

    huey = SqliteHuey(filename=str(folder / "huey.db"), fsync=True)

    @huey.task()  # type: ignore[untyped-decorator]
    def nothing() -> None: ...

    for agents, who in ((1, "one agent"), (_AGENTS, f"{_AGENTS} agents at once")):
        figure = Figure(f"dequeue (match + lease + fence + event) ÷ SqliteHuey's bare dequeue, {who}", 1.0)
        with closing(filling.made(folder / f"fleet-{agents}.db", waiting=rounds * number)) as store:
            taken: list[str | None] = []
            ours = [_repeated(number // agents, partial(_claim, store, n, taken)) for n in range(agents)]
            theirs = [_repeated(number // agents, huey.dequeue) for _ in range(agents)]
            for _ in range(rounds):
                for _ in range(number):
                    nothing()
                base = _done_per_sec(theirs)
                mine = _done_per_sec(ours)
                figure.add(mine / base, f"{mine:.0f}/s ÷ {base:.0f}/s")
                huey.flush()
            if None in taken or len(set(taken)) != rounds * (number // agents) * agents:
                raise Wrong("a task was handed out twice, or none was")
        yield figure


def _claim(store: Store, agent: int, taken: list[str | None]) -> None:
    taken.append(store.write(lambda sql: filling.claim(sql, f"gpu-{agent}")))


def _repeated(times: int, act: Callable[[], object]) -> Callable[[], int]:
    def work() -> int:
        for _ in range(times):
            act()
        return times

    return work


def _done_per_sec(workers: Sequence[Callable[[], int]]) -> float:
    """All at once, a thread each; alone on this one."""
    if len(workers) == 1:
        return per_sec(workers[0])
    with ThreadPoolExecutor(len(workers)) as threads:
        return per_sec(lambda: sum(threads.map(lambda work: work(), workers)))


def growth(few: Store, small: int, many: Store, big: int, rounds: int) -> Iterator[Figure]:
    """``few`` has so many tasks in its queue, ``many`` so many more."""
    for name, capability in (
        (f"claim p99, exponent of growth {small:.0e} → {big:.0e} queued", "python"),
        ("the same when nothing fits", "cobol"),
    ):
        figure = Figure(name, 0.1, at_most=True)

        def once(store: Store, wanted: str = capability) -> Callable[[], object]:
            return lambda: store.write(lambda sql: filling.claim(sql, "gpu-1", wanted))

        for store in (few, many):
            p99_ms(once(store), 50)
        for _ in range(rounds):
            a, b = p99_ms(once(few), 400), p99_ms(once(many), 400)
            figure.add(math.log(b / a) / math.log(big / small), f"{a:.2f} ms → {b:.2f} ms")
        yield figure


def fairness(folder: Path, rounds: int, secs: float) -> Iterator[Figure]:
    figure = Figure(f"fairness: fewest ÷ most tasks per agent, {_AGENTS} agents", 0.9)
    with closing(filling.made(folder / "fleet.db", int(4_000 * secs) * rounds)) as store:
        for _ in range(rounds):
            got: Counter[int] = Counter()
            until = time.monotonic() + secs

            def agent(number: int, end: float = until, counts: Counter[int] = got) -> None:
                while time.monotonic() < end:
                    if store.write(lambda sql: filling.claim(sql, f"gpu-{number}")):
                        counts[number] += 1

            threads = [threading.Thread(target=agent, args=(n,)) for n in range(_AGENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            figure.add(
                min(got[n] for n in range(_AGENTS)) / max(got.values()),
                f"{min(got.values())} ÷ {max(got.values())} in {secs:g} s",
            )
    yield figure
