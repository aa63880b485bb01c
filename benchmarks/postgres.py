"""PostgreSQL: workers on several machines against one, and both engines against procrastinate."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

import procrastinate

from benchmarks import filling
from benchmarks.measure import Figure, Wrong, per_sec
from bot.core.errors import Refused
from bot.store import Store, open_store
from bot.store.verify import differences
from tests.unit.store.filling import a_repo
from tests.world import databases, netns
from tests.world.netns import Network

_ROOT: Final = Path(__file__).parents[1]
_MACHINES: Final = 3
_WORKERS: Final = (1, 4, 16)
_BATCH: Final = 500
_AT_ONCE: Final = 32
_ZOMBIES: Final = 500
_LONG_SECS: Final = 110.0

_CLAIMING: Final = """
import sys, time
from benchmarks import filling
from bot.store import open_store
store = open_store(sys.argv[1])
store.read(lambda sql: sql.value("SELECT 1"))
print("ready", flush=True)
sys.stdin.readline()
until = time.monotonic() + float(sys.argv[3])
while time.monotonic() < until:
    task_id = store.write(lambda sql: filling.claim(sql, sys.argv[2]), shared=True)
    if task_id is None:
        break
    print(task_id)
store.close()
"""


def measure(folder: Path, rounds: int, secs: float, waiting: int, pairs: int, dispatched: int) -> Iterator[Figure]:
    programs = databases.binaries()
    if programs is None:
        raise SystemExit("there is no PostgreSQL here (initdb); `apt-get install postgresql` brings one")
    with netns.network(_MACHINES) as network:
        server = databases.Server(programs, durable=True, address=network.here if network else "127.0.0.1")
        try:
            yield from _against_procrastinate(server, folder, rounds, pairs)
            yield from _many_workers(server, network, rounds, secs, waiting)
            yield _dispatchers(server, network, dispatched)
            yield _zombies(server, folder)
        finally:
            server.remove()


def _many_workers(
    server: databases.Server, network: Network | None, rounds: int, secs: float, waiting: int
) -> Iterator[Figure]:
    where = f"{_MACHINES} network namespaces" if network else "processes of one machine"
    figures = [
        Figure(f"PostgreSQL: claims/s with {workers} workers in {where} ÷ one", goal)
        for workers, goal in ((4, 2.5), (16, None))
    ]
    for _ in range(rounds):
        rates = [_claims_per_sec(server.migrated(), network, workers, secs, waiting) for workers in _WORKERS]
        detail = ", ".join(f"{w} workers {rate:.0f}/s" for w, rate in zip(_WORKERS, rates, strict=True))
        for figure, rate in zip(figures, rates[1:], strict=True):
            figure.add(rate / rates[0], detail)
    yield from figures


def _filled(store: Store, waiting: int) -> None:
    a_repo(store)
    for first in range(0, waiting, _BATCH):
        store.write(partial(filling.open_tasks, first=first + 1, last=min(first + _BATCH, waiting)))


def _dispatchers(server: databases.Server, network: Network | None, waiting: int) -> Figure:
    """All of them, by eight at once: each exactly once."""
    taken, took = _taken(server.migrated(), network, 8, _LONG_SECS, waiting)
    if taken != waiting:
        raise Wrong(f"of {waiting} tasks {taken} were handed out")
    figure = Figure(f"8 dispatchers, {waiting} tasks: handed out twice or never", 0, at_most=True)
    figure.add(0, f"in {took:.0f} s")
    return figure


def _zombies(server: databases.Server, folder: Path) -> Figure:
    """Agents whose task was handed to another one meanwhile, and who complete it all the same."""
    figure = Figure(f"{_ZOMBIES} zombies on each engine: stale writes accepted", 0, at_most=True)
    for store in (filling.made(folder / "zombies.db"), open_store(server.migrated())):
        with closing(store):
            _filled(store, _ZOMBIES)
            store.write(partial(filling.lost_and_claimed_again, tasks_left=_ZOMBIES))
            accepted = 0
            for n in range(1, _ZOMBIES + 1):
                try:
                    store.write(partial(filling.complete, task_id=f"t_{n:08d}", fence=1))
                    accepted += 1
                except Refused as refused:
                    if refused.kind != "stale_fence":
                        raise
            if accepted or (wrong := store.read(lambda sql: list(differences(sql)))):
                raise Wrong(f"{accepted} stale writes were accepted" if accepted else str(wrong[0]))
            figure.add(accepted, "each refused as stale_fence")
    return figure


def _claims_per_sec(where: str, network: Network | None, workers: int, secs: float, waiting: int) -> float:
    taken, took = _taken(where, network, workers, secs, waiting)
    return taken / (secs if taken < waiting else min(secs, took))  # who found nothing left was done before


def _taken(where: str, network: Network | None, workers: int, secs: float, waiting: int) -> tuple[int, float]:
    """How many were handed out, and in which time. Raises Wrong for one that was handed out twice."""
    with closing(open_store(where)) as store:
        _filled(store, waiting)
        running = []
        for n in range(workers):
            command = [sys.executable, "-c", _CLAIMING, where, f"gpu-{n}", str(secs)]
            command = network.on(n % _MACHINES, command) if network else command
            running.append(
                subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        started = time.perf_counter()
        for process in running:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        taken = [line for process in running for line in process.communicate(timeout=120)[0].split()]
        took = time.perf_counter() - started
        if len(set(taken)) != len(taken):
            raise Wrong("a task was handed out twice")
        if any(process.returncode for process in running):
            raise Wrong("a worker failed")
        if wrong := store.read(lambda sql: list(differences(sql))):
            raise Wrong(str(wrong[0]))
    return len(taken), took


def _against_procrastinate(server: databases.Server, folder: Path, rounds: int, pairs: int) -> Iterator[Figure]:
    """One agent of ours against a worker with one slot, then many at once against one with as many slots."""
    for at_once in (1, _AT_ONCE):
        with (
            closing(filling.made(folder / f"pairs-{at_once}.db", waiting=rounds * pairs)) as sqlite,
            closing(open_store(server.migrated())) as postgres,
        ):
            _filled(postgres, rounds * pairs)
            theirs = server.empty()
            manner = f", {at_once} at once" if at_once > 1 else ""
            figures = [
                (sqlite, Figure(f"dequeue + complete on SQLite ÷ procrastinate on PostgreSQL{manner}", 5.0)),
                (postgres, Figure(f"dequeue + complete on PostgreSQL ÷ procrastinate on PostgreSQL{manner}", 1.5)),
            ]
            done: dict[Store, list[str]] = {sqlite: [], postgres: []}
            for _ in range(rounds):
                base = asyncio.run(_procrastinate(theirs, pairs, at_once))
                for store, figure in figures:
                    ours = _pairs_per_sec(store, pairs, at_once, done[store])
                    figure.add(ours / base, f"{ours:.0f}/s ÷ {base:.0f}/s")
            for store, figure in figures:
                if wrong := store.read(lambda sql: list(differences(sql))):
                    raise Wrong(str(wrong[0]))
                yield figure


def _pairs_per_sec(store: Store, pairs: int, agents: int, done: list[str]) -> float:
    """So many agents in threads of one process; ``done`` is what was handed out so far."""
    before = len(done)

    def agent(number: int) -> None:
        for _ in range(pairs // agents + (number < pairs % agents)):
            task_id = store.write(lambda sql: filling.claim(sql, f"gpu-{number}"), shared=True)
            if task_id is None:
                raise Wrong("none was handed out")
            done.append(task_id)
            store.write(partial(filling.complete, task_id=task_id))

    def work() -> int:
        with ThreadPoolExecutor(agents) as threads:
            list(threads.map(agent, range(agents)))
        return pairs

    rate = per_sec(work)
    if len(done) - before != pairs or len(set(done)) != len(done):
        raise Wrong(f"of {pairs} tasks {len(done) - before} were handed out, {len(done) - len(set(done))} twice")
    return rate


async def _procrastinate(url: str, jobs: int, at_once: int) -> float:
    """Jobs per second of one worker with so many slots; the job does nothing."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    ran = 0

    async def nothing() -> None:
        nonlocal ran
        ran += 1

    job = app.task(name="nothing")(nothing)  # not as a decorator: where it is not installed, types are unknown
    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        for _ in range(jobs):
            await job.defer_async()
        started = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=at_once, install_signal_handlers=False, listen_notify=False)
        took = time.perf_counter() - started
    if ran != jobs:
        raise Wrong(f"procrastinate ran {ran} of {jobs} jobs")
    return jobs / took
