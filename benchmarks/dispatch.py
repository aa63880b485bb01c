"""How soon a task runs: from the commit that makes it claimable to the run that its host has started.

    python -m benchmarks.dispatch [--tasks 20] [--runs 90]

The whole service but for its web processes, on a host behind an SSH server of its own on loopback; the forge is the
stand-in. The dispatcher waits in a thread, as in the worker. Each task is new: its workspace is laid out first.
"""

import argparse
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from bot.execution.hosts import Job
from bot.service import operations
from bot.settings.hosts import HostAgent, HostEntry
from bot.store import tasks
from bot.store.wakeups import WORK
from tests.hosts.machines import USER, Sshd, key_pair
from tests.world import World
from tests.world.hosts import processes, script
from tests.world.world import world as build

_PATIENCE_SECS = 120.0


class Stage:
    """A world with one host, and tasks that wait to be released."""

    def __init__(self, world: World, entry: HostEntry, count: int) -> None:
        self.world, self.entry = world, entry
        self.tasks: list[str] = []
        for number in range(count):
            issue = world.writer.opens_issue(f"Fix {number}", labels=["agent:python"])
            world.settles()
            task = world.fleet.read(partial(tasks.newest_of_issue, repo_id=world.repo.id, issue=issue.number))
            if task is None:
                raise SystemExit("the label started no task")
            operations.hold(world.fleet, task.id, by="bench")
            self.tasks.append(task.id)
        world.has_hosts(entry, in_background=True, scripted=script("exec sleep 600"))
        world.settles()  # now its agents are on duty
        self.started: dict[str, float] = {}
        self.asked: dict[str, float] = {}
        self.changed = threading.Condition()
        self._listen()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._loop)
        self.thread.start()

    def _listen(self) -> None:
        host = self.world.dispatcher.sites[self.entry.host_id].host
        start = host.start

        def timed(job: Job) -> bool:
            task_id = job.run_id.rpartition(".")[0]
            self.asked[task_id] = time.perf_counter()
            done = start(job)
            with self.changed:
                self.started[task_id] = time.perf_counter()
                self.changed.notify_all()
            return done

        host.start = timed  # type: ignore[method-assign]

    def _loop(self) -> None:
        wakeups = self.world.fleet.store.wakeups
        while not self.over.is_set():
            seen = wakeups.count(WORK)
            if not self.world.dispatcher.turn():
                wakeups.wait(WORK, seen, 0.5)

    def release(self, task_id: str) -> None:
        operations.unhold(self.world.fleet, task_id, by="bench")

    def wait(self, count: int) -> None:
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.started) >= count, _PATIENCE_SECS):
                raise SystemExit(f"only {len(self.started)} of {count} runs were started")

    def end(self) -> None:
        self.over.set()
        self.thread.join()
        host = self.world.dispatcher.sites[self.entry.host_id].host
        runs = host.runs()
        for task_id in self.tasks:
            operations.cancel(self.world.fleet, task_id, by="bench")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda run: host.stop(run.run_id, "bench", 1), runs))
        self.world.dispatcher.stop()
        if processes(self.entry.work_dir):
            raise SystemExit("some processes were left")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--tasks", type=int, default=20)
    asked.add_argument("--runs", type=int, default=90)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
        path = Path(folder)
        key = key_pair(path / "key")
        sshd = Sshd(path / "sshd", key)
        try:
            with build(path / "world") as world:
                _measure(world, _host(path, sshd, key, options.runs), options.tasks, options.runs)
                world.check = lambda: None  # type: ignore[method-assign] # its stories have no readers
        finally:
            sshd.kill_all()


def _host(path: Path, sshd: Sshd, key: Path, slots: int) -> HostEntry:
    return HostEntry(
        host_id="bench",
        hostname="127.0.0.1",
        ssh_port=sshd.port,
        ssh_user=USER,
        ssh_key_path=str(key),
        host_key=sshd.host_key_line(),
        work_dir=str(path / "work"),
        agents=[HostAgent(agent_type="scripted", capabilities=["python"], max_concurrency=slots)],
    )


def _measure(world: World, entry: HostEntry, alone: int, together: int) -> None:
    stage = Stage(world, entry, together)
    took, starting = [], []
    for number, task_id in enumerate(stage.tasks[:alone], 1):
        began = time.perf_counter()
        stage.release(task_id)
        stage.wait(number)
        took.append((stage.started[task_id] - began) * 1000)
        starting.append((stage.started[task_id] - stage.asked[task_id]) * 1000)
    began = time.perf_counter()
    for task_id in stage.tasks[alone:]:
        stage.release(task_id)
    stage.wait(together)
    rest = time.perf_counter() - began
    print(f"first task, everything cold: {took[0]:.0f} ms until its run was started")
    print(f"one at a time, {alone - 1} more: median {statistics.median(took[1:]):.0f} ms, worst {max(took[1:]):.0f} ms")
    print(f"  of which the host's start itself: median {statistics.median(starting[1:]):.0f} ms")
    print(f"{together - alone} at once: all started after {rest:.1f} s; then {together} run on one host")
    stage.end()


if __name__ == "__main__":
    main()
