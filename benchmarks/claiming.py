"""Handing out work: against SqliteHuey's bare dequeue, over the queue's length, and fairly."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from benchmarks import filling
from benchmarks.measure import Figure, Wrong, p99_ms, per_sec
from bot.store import Store


def dequeue(folder: Path, rounds: int, number: int) -> Iterator[Figure]:
    from huey import SqliteHuey

    figure = Figure("dequeue (match + lease + fence + event) ÷ SqliteHuey's bare dequeue", 1.0)
    with closing(filling.made(folder / "fleet.db", waiting=rounds * number)) as store:
        huey = SqliteHuey(filename=str(folder / "huey.db"), fsync=True)

        @huey.task()  # type: ignore[untyped-decorator]
        def nothing() -> None: ...

        taken: list[str] = []

        def ours() -> int:
            taken.extend(x for _ in range(number) if (x := store.write(lambda sql: filling.claim(sql, "gpu-1"))))
            return number

        def theirs() -> int:
            return sum(huey.dequeue() is not None for _ in range(number))

        for _ in range(rounds):
            for _ in range(number):
                nothing()
            base = per_sec(theirs)
            mine = per_sec(ours)
            figure.add(mine / base, f"{mine:.0f}/s ÷ {base:.0f}/s")
        if len(set(taken)) != rounds * number:
            raise Wrong("a task was handed out twice, or none was")
    yield figure


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
    figure = Figure("fairness: fewest ÷ most tasks per agent, 32 agents", 0.9)
    with closing(filling.made(folder / "fleet.db", int(4_000 * secs) * rounds)) as store:
        for _ in range(rounds):
            got: Counter[int] = Counter()
            until = time.monotonic() + secs

            def agent(number: int, end: float = until, counts: Counter[int] = got) -> None:
                while time.monotonic() < end:
                    if store.write(lambda sql: filling.claim(sql, f"gpu-{number}")):
                        counts[number] += 1

            threads = [threading.Thread(target=agent, args=(n,)) for n in range(32)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            figure.add(
                min(got[n] for n in range(32)) / max(got.values()),
                f"{min(got.values())} ÷ {max(got.values())} in {secs:g} s",
            )
    yield figure
