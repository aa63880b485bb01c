"""The figures of the store: `python -m benchmarks.run [--quick]`; prints one table and writes JSON beside it.

Each figure is measured against its baseline in the same run, in turns; something lost or done twice fails the run.
What is not measured here, and why, is said in benchmarks/README.md.
"""

import argparse
import hashlib
import hmac
import json
import math
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from benchmarks import filling
from benchmarks.measure import Figure, Wrong, p99_ms, per_sec, table
from bot.core import recorded, task
from bot.forge import Api, Forge
from bot.service import intake
from bot.service.fleet import Fleet
from bot.settings import Forgejo, Orchestrator, Server, Settings
from bot.store import Store, log, open_store
from bot.store.verify import differences

_ROOT: Final = Path(__file__).parents[1]
_SECRET: Final = "the hook's secret"
_BODY: Final = b'{"action": "opened", "x": "' + b"y" * 10_000 + b'"}'


def raw_commits(path: Path, number: int) -> int:
    """One connection, one row of a webhook's size per durable commit."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = wal")
        raw.execute("PRAGMA synchronous = full")
        raw.execute("CREATE TABLE IF NOT EXISTS plain (id INTEGER PRIMARY KEY, body BLOB)")
        for _ in range(number):
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("INSERT INTO plain (body) VALUES (?)", (_BODY,))
            raw.execute("COMMIT")
    return number


def ingest(fleet: Fleet, number: int, clients: int = 64) -> int:
    """Signature, decoding of headers, the durable row: a webhook without its HTTP."""
    signature = hmac.new(_SECRET.encode(), _BODY, hashlib.sha256).hexdigest()
    run = f"{time.monotonic_ns()}"

    def client(first: int) -> None:
        for n in range(first, number, clients):
            headers = {
                "X-Forgejo-Event": "issues",
                "X-Forgejo-Delivery": f"{run}-{n}",
                "X-Forgejo-Signature": signature,
            }
            intake.receive(fleet, headers, _BODY)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = fleet.read(lambda sql: sql.value("SELECT count(*) FROM inbox WHERE delivery LIKE ?", f"{run}-%"))
    if kept != number:
        raise Wrong(f"{number} webhooks were acknowledged, {kept} are kept")
    return number


def a_fleet(store: Store, folder: Path) -> Fleet:
    settings = Settings(
        server=Server(public_url="http://127.0.0.1:1"),
        forgejo=Forgejo(url="http://127.0.0.1:1", token=SecretStr("x"), webhook_secret=SecretStr(_SECRET)),
        orchestrator=Orchestrator(db_path=folder / "fleet.db", data_dir=str(folder)),
    )
    return Fleet(settings, store, Forge(Api("http://127.0.0.1:1", "x")))


def measure_ingest(folder: Path, rounds: int, number: int) -> Figure:
    figure = Figure("webhook ingest (no HTTP) ÷ raw durable commits, 64 clients", 0.5)
    with closing(filling.made(folder / "fleet.db")) as store:
        fleet = a_fleet(store, folder)
        for _ in range(rounds):
            base = per_sec(lambda: raw_commits(folder / "plain.db", number))
            ours = per_sec(lambda: ingest(fleet, number))
            figure.values.append(ours / base)
            figure.detail = f"{ours:.0f}/s ÷ {base:.0f}/s"
        fleet.forge.close()
    return figure


def measure_dequeue(folder: Path, rounds: int, number: int) -> Figure | None:
    try:
        from huey import SqliteHuey
    except ImportError:
        return None
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
            figure.values.append(mine / base)
            figure.detail = f"{mine:.0f}/s ÷ {base:.0f}/s"
        if len(set(taken)) != rounds * number:
            raise Wrong("a task was handed out twice, or none was")
    return figure


def measure_growth(folder: Path, rounds: int, small: int, big: int) -> list[Figure]:
    fits = Figure(f"claim p99, exponent of growth {small:.0e} → {big:.0e} queued", 0.1, at_most=True)
    none = Figure("the same when nothing fits", 0.1, at_most=True)
    with (
        closing(filling.made(folder / "small.db", small)) as few,
        closing(filling.made(folder / "big.db", big)) as many,
    ):
        for figure, capability in ((fits, "python"), (none, "cobol")):

            def once(store: Store, wanted: str = capability) -> Callable[[], object]:
                return lambda: store.write(lambda sql: filling.claim(sql, "gpu-1", wanted))

            for store in (few, many):
                p99_ms(once(store), 50)
            for _ in range(rounds):
                a, b = p99_ms(once(few), 400), p99_ms(once(many), 400)
                figure.values.append(math.log(b / a) / math.log(big / small))
                figure.detail = f"{a:.2f} ms → {b:.2f} ms"
    return [fits, none]


def measure_replay(folder: Path, rounds: int, number: int) -> Figure:
    figure = Figure("replay ÷ bare cursor scan", 0.45)
    path = folder / "fleet.db"
    with closing(filling.made(path, number)) as store:

        def scan() -> int:
            with closing(sqlite3.connect(path)) as raw:
                return sum(1 for _ in raw.execute("SELECT task_id, n, at, actor, cause, chain, kind, data FROM event"))

        def replay() -> int:
            def fold(rows: object) -> int:
                done = 0
                for raw in rows:  # type: ignore[attr-defined]
                    task.apply(None, raw.task_id, recorded.decode(raw.kind, raw.data), raw.at, raw.n)
                    done += 1
                return done

            return store.read(lambda sql: fold(log.everything(sql)))

        for _ in range(rounds):
            base, ours = per_sec(scan), per_sec(replay)
            figure.values.append(ours / base)
            figure.detail = f"{ours:.0f}/s ÷ {base:.0f}/s; 10⁶ events in {1e6 / ours:.1f} s"
    return figure


def measure_fairness(folder: Path, rounds: int, secs: float) -> Figure:
    figure = Figure("fairness: fewest ÷ most tasks per agent, 32 agents", 0.9)
    with closing(filling.made(folder / "fleet.db", 20_000 * rounds)) as store:
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
            figure.values.append(min(got[n] for n in range(32)) / max(got.values()))
            figure.detail = f"{min(got.values())} ÷ {max(got.values())} in {secs:g} s"
    return figure


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


def measure_postgres(rounds: int, secs: float, waiting: int) -> Figure | None:
    from tests.world import databases

    programs = databases.binaries()
    if programs is None:
        return None
    figure = Figure("PostgreSQL: claims/s with 4 workers ÷ one", 2.5)
    server = databases.Server(programs, durable=True)
    try:
        for _ in range(rounds):
            rates = {workers: _claims_per_sec(server.migrated(), workers, secs, waiting) for workers in (1, 4, 16)}
            figure.values.append(rates[4] / rates[1])
            figure.detail = ", ".join(f"{w} workers {rate:.0f}/s" for w, rate in rates.items())
    finally:
        server.remove()
    return figure


def _claims_per_sec(where: str, workers: int, secs: float, waiting: int) -> float:
    from tests.unit.store.filling import a_repo

    with closing(open_store(where)) as store:
        a_repo(store)
        for first in range(0, waiting, 500):
            store.write(
                lambda sql, f=first: [filling.open_task(sql, f"t_{n:08d}", n) for n in range(f + 1, f + 501)]  # type: ignore[misc]
            )
        running = [
            subprocess.Popen(
                [sys.executable, "-c", _CLAIMING, where, f"gpu-{n}", str(secs)],
                cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for n in range(workers)
        ]  # fmt: skip
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        for process in running:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        taken = [line for process in running for line in process.communicate(timeout=120)[0].split()]
        if len(set(taken)) != len(taken):
            raise Wrong("a task was handed out twice")
        if wrong := store.read(lambda sql: list(differences(sql))):
            raise Wrong(str(wrong[0]))
    return len(taken) / secs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller queues, three rounds")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go")
    chosen = parser.parse_args()
    quick = chosen.quick
    found: list[Figure] = []

    def note(*figures: Figure | None) -> None:
        for figure in figures:
            if figure is not None:
                found.append(figure)
                print(table([figure]).splitlines()[-1], flush=True)

    def fresh() -> Path:
        return Path(tempfile.mkdtemp(dir=top))

    with tempfile.TemporaryDirectory() as top:
        rounds = 3 if quick else 5
        note(measure_ingest(fresh(), rounds, 1500 if quick else 6000))
        note(measure_dequeue(fresh(), rounds, 500 if quick else 2000))
        note(*measure_growth(fresh(), rounds, 10_000, 100_000 if quick else 1_000_000))
        note(measure_replay(fresh(), rounds, 50_000 if quick else 1_000_000))
        note(measure_fairness(fresh(), rounds, 2.0 if quick else 5.0))
        note(measure_postgres(rounds, 2.0 if quick else 5.0, 4000 if quick else 20_000))
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    )
    load = f"load average at the end {os.getloadavg()[0]:.1f}"
    print(f"\n{machine}, {load}\n\n{table(found)}")
    figures = [vars(f) | {"median": f.median, "reached": f.reached} for f in found]
    chosen.json.write_text(json.dumps({"machine": machine, "figures": figures}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
