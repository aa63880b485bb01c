"""All figures: `python -m benchmarks.run [--quick] [--only NAME …]`; prints one table and writes JSON.

Each figure is measured against its baseline in the same run, in turns, in at least three rounds; the median counts.
Something lost or done twice fails the run, whatever the speed.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import claiming, filling, ingesting, replaying, sizes, waiting
from benchmarks.measure import Figure, Wrong, table

_NEEDED: Final = ("huey", "procrastinate", "psycopg")


@dataclass(frozen=True)
class Size:
    """How much of it: of `make bench`, and of `--quick`."""

    rounds: int = 3
    webhooks: int = 4000
    dequeues: int = 1500
    few: int = 10_000
    many: int = 1_000_000
    fair_secs: float = 5.0
    lives: int = 3000
    agents: int = 200
    crowd: int = 400
    starts: int = 40
    idle_secs: float = 15.0
    postgres_secs: float = 5.0
    postgres_waiting: int = 12_000
    pairs: int = 1000
    dispatched: int = 5000


_QUICK: Final = Size(
    webhooks=1000, dequeues=400, many=100_000, fair_secs=2.0, lives=600, starts=10, idle_secs=4.0,
    postgres_secs=1.5, postgres_waiting=3000, pairs=200, dispatched=1000,
)  # fmt: skip


def _long_queue(folder: Path, size: Size) -> Iterator[Figure]:
    """What is compared between a short and a long queue, on the same two databases."""
    few, many = folder / "few.db", folder / "many.db"
    with closing(filling.made(few, size.few)) as short, closing(filling.made(many, size.many)) as long:
        yield from claiming.growth(short, size.few, long, size.many, size.rounds)
    yield from replaying.measure(folder / "lives.db", size.many, size.rounds)
    yield from sizes.in_memory(few, many, size.rounds)


def _waiting(folder: Path, size: Size) -> Iterator[Figure]:
    (folder / "crowd").mkdir()
    yield from waiting.measure(folder, size.rounds, size.agents, size.starts, size.idle_secs)
    yield from waiting.crowd(folder / "crowd", size.rounds, size.crowd)


def _ssh(_folder: Path, size: Size) -> Iterator[Figure]:
    from benchmarks import ssh

    yield from ssh.warm(size.rounds)


def _postgres(folder: Path, size: Size) -> Iterator[Figure]:
    from benchmarks import postgres

    yield from postgres.measure(
        folder, size.rounds, size.postgres_secs, size.postgres_waiting, size.pairs, size.dispatched
    )


PARTS: Final[dict[str, Callable[[Path, Size], Iterator[Figure]]]] = {
    "ingest": lambda folder, size: ingesting.measure(folder, size.rounds, size.webhooks),
    "dequeue": lambda folder, size: claiming.dequeue(folder, size.rounds, size.dequeues),
    "postgres": _postgres,
    "queue": _long_queue,
    "waiting": _waiting,
    "ssh": _ssh,
    "fairness": lambda folder, size: claiming.fairness(folder, size.rounds, size.fair_secs),
    "disk": lambda folder, size: sizes.on_disk(folder, size.rounds, size.lives),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller queues, less of everything")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="these parts alone")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go")
    chosen = parser.parse_args()
    _check()
    size = _QUICK if chosen.quick else Size()
    found: list[Figure] = []
    began, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as top:
        for name in chosen.only:
            folder = Path(top) / name
            folder.mkdir()
            started = time.monotonic()
            try:
                for figure in PARTS[name](folder, size):
                    found.append(figure)
                    print(table([figure]).splitlines()[-1], flush=True)
            except Wrong as wrong:
                raise SystemExit(f"{name}: {wrong}") from wrong
            print(f"({name} took {time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)
    took = time.monotonic() - began
    about = {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "command": " ".join(["python -m benchmarks.run", *sys.argv[1:]]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}",
        "load": f"load average {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end",
        "took": f"{took / 60:.1f} minutes",
    }
    print("\n" + "; ".join(about.values()) + f"\n\n{table(found)}")
    figures = [asdict(f) | {"median": f.median, "reached": f.reached} for f in found]
    chosen.json.write_text(json.dumps(about | {"figures": figures}, indent=2, ensure_ascii=False) + "\n")


def _check() -> None:
    """A figure without its baseline would be missing unnoticed."""
    from importlib.util import find_spec

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise SystemExit(f"{', '.join(missing)} missing: `pip install --group bench` brings what is compared with")


if __name__ == "__main__":
    main()
