"""What a finished task takes on disk, and what a long queue takes in memory."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import filling
from benchmarks.measure import Figure, Wrong
from bot.store import Sql

_ROOT: Final = Path(__file__).parents[1]
_BATCH: Final = 100


def on_disk(folder: Path, rounds: int, number: int) -> Iterator[Figure]:
    figure = Figure("bytes on disk per finished task of 6 events", 1024, at_most=True)
    with closing(filling.made(folder / "fleet.db")) as store:
        before = store.read(_bytes)
        done = 0
        for _ in range(rounds):
            for _ in range(number // _BATCH):
                store.write(partial(filling.whole_lives, first=done + 1, last=done + _BATCH))
                done += _BATCH
            kept = store.read(lambda sql: sql.value("SELECT count(*) FROM event"))
            if kept != 6 * done:
                raise Wrong(f"{6 * done} events were written, {kept} are kept")
            figure.add((store.read(_bytes) - before) / done, f"{done} tasks, {store.read(_shares)}")
    yield figure


def _bytes(sql: Sql) -> int:
    return int(sql.value("PRAGMA page_count")) * int(sql.value("PRAGMA page_size"))


def _shares(sql: Sql) -> str:
    """Of the data alone, without indexes, per task."""
    parts = [
        f"{table} {sql.value(f'SELECT sum(length(data)) FROM {table}') / sql.value('SELECT count(*) FROM task'):.0f}"
        for table in ("event", "task")
    ]
    return f"of which data of {', '.join(parts)}"


_WORKING: Final = """
import sys
from pathlib import Path
from benchmarks import filling
from bot.store import open_store, log, tasks
store = open_store(Path(sys.argv[1]))
for n in range(300):
    store.write(lambda sql: filling.claim(sql, f"gpu-{n}"))
    store.read(tasks.counts)
    store.read(lambda sql: tasks.after(sql, f"t_{n:08d}"))
print(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])
store.close()
"""


def in_memory(few: Path, many: Path, rounds: int) -> Iterator[Figure]:
    """``few`` has a short queue, ``many`` a long one; both are claimed from and looked at alike."""
    figure = Figure("memory growth of a process, short → long queue, MB", 5, at_most=True)
    for _ in range(rounds):
        small, big = (_resident_mb(path) for path in (few, many))
        figure.add(big - small, f"{small:.1f} → {big:.1f} MB")
    yield figure


def _resident_mb(path: Path) -> float:
    command = [sys.executable, "-c", _WORKING, str(path)]
    done = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024
