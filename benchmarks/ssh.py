"""How fast a host is reached: a request on a warm connection against the ``ssh`` binary and a local process.

    python -m benchmarks.ssh [--rounds 5] [--runs 90]

Starts an SSH server of its own on loopback. Baselines and subjects take turns within each round; medians over all
rounds. Goals: warm ÷ ssh ≤ 0.03 for a plain command, cold ÷ ssh ≤ 0.35 (figures of the same run, this machine).
"""

import argparse
import getpass
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measure import Figure
from bot.execution.host_workspace import HostWorkspace
from bot.execution.hostkeys import PinnedKeys
from bot.execution.hosts import Host, Job
from bot.execution.local import LocalHost
from bot.execution.ssh import Login, SshHost
from bot.execution.workspace import Identity
from tests.hosts.machines import Sshd, key_pair, until
from tests.hosts.source import Source

EACH = 5


def timed_ms(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


class Bench:
    """One server, the ways to it, and the figures by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key = key_pair(path / "key")
        self.sshd = Sshd(path / "sshd", self.key)
        self.user = getpass.getuser()
        (path / "known_hosts").write_text(f"[127.0.0.1]:{self.sshd.port} {self.sshd.host_key_line()}\n")
        self.host = Host(self.door())
        self.local = Host(LocalHost("local", str(path / "local"), self.user, allow_same_user=True))
        self.figures: dict[str, list[float]] = {}
        self.space = self.prepared(self.host)
        self.prepared(self.local)
        self.started = 0

    def door(self) -> SshHost:
        login = Login("127.0.0.1", self.user, self.sshd.port, key_path=self.key)
        keys = PinnedKeys("127.0.0.1", self.sshd.port, self.path / "known_hosts")
        return SshHost("bench", str(self.path / "work"), login, keys)

    def prepared(self, host: Host) -> HostWorkspace:
        source = Source(self.path / f"source-{host.name}")
        space = HostWorkspace(host, "bench", 1)
        space.supply(source.mirror, "1", source.base)
        space.prepare("1", source.base, Identity("a", "a@example.org"))
        return space

    def job(self, script: str = "exit 0") -> Job:
        self.started += 1
        return Job(f"run-{self.started}", self.space.key, 1, ["/bin/sh", "-c", script], prompt=b"do it", grace_secs=1)

    def ssh_binary(self) -> None:
        options = ("BatchMode=yes", f"UserKnownHostsFile={self.path}/known_hosts", "IdentitiesOnly=yes")
        argv = ["ssh", "-F", "/dev/null", "-i", str(self.key), "-p", str(self.sshd.port)]
        for option in options:
            argv += ["-o", option]
        subprocess.run([*argv, f"{self.user}@127.0.0.1", "true"], check=True, capture_output=True)

    def bare(self) -> None:
        """The transport alone: `true` in a channel of the warm connection, as the ssh binary's figure."""
        with self.host.way._session() as (_, channel):  # type: ignore[attr-defined]
            channel.exec_command("true")
            channel.recv_exit_status()

    def cold(self) -> None:
        way = self.door()
        try:
            Host(way).ping()
        finally:
            way.close()

    def round(self) -> None:
        subjects: dict[str, Callable[[], object]] = {
            "ssh binary, true": self.ssh_binary,
            "local subprocess, true": lambda: subprocess.run(["/bin/true"], check=True),
            "warm connection, true": self.bare,
            "warm connection, wrapper ping": self.host.ping,
            "warm connection, dispatch (start)": lambda: self.host.start(self.job()),
            "local wrapper, ping": self.local.ping,
            "local wrapper, dispatch (start)": lambda: self.local.start(self.job()),
            "cold connect + ping": self.cold,
        }
        for _ in range(EACH):
            for name, act in subjects.items():
                self.figures.setdefault(name, []).append(timed_ms(act))

    def many(self, runs: int) -> float:
        """Seconds until ``runs`` runs live side by side on the host."""
        jobs = [self.job("exec sleep 300") for _ in range(runs)]
        started = time.perf_counter()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(self.host.start, jobs))
        ids = {job.run_id for job in jobs}
        until(
            lambda: sum(run.run_id in ids and run.state.kind == "running" for run in self.host.runs()) == runs, "runs"
        )
        took = time.perf_counter() - started
        self.figures[f"list of {runs} running"] = [timed_ms(self.host.runs) for _ in range(3)]
        with ThreadPoolExecutor(8) as pool:
            ended = list(pool.map(lambda job: self.host.stop(job.run_id, "bench", 1), jobs))
        if any(state.left for state in ended):
            raise SystemExit("some processes were left")
        return took

    def close(self) -> None:
        self.host.close()
        self.sshd.kill_all()


def warm(rounds: int) -> Iterator[Figure]:
    """The two that `make bench` shows."""
    command = Figure("warm SSH, `true` ÷ `ssh` binary", 0.03, at_most=True)
    dispatch = Figure("warm SSH, start of a run ÷ `ssh` binary, `true`", 0.03, at_most=True)
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
        bench = Bench(Path(folder))
        try:
            bench.bare()
            for _ in range(rounds):
                bench.figures.clear()
                bench.round()
                medians = {name: statistics.median(found) for name, found in bench.figures.items()}
                binary = medians["ssh binary, true"]
                for figure, name in (
                    (command, "warm connection, true"),
                    (dispatch, "warm connection, dispatch (start)"),
                ):
                    figure.add(medians[name] / binary, f"{medians[name]:.1f} ms ÷ {binary:.0f} ms")
        finally:
            bench.close()
    yield from (command, dispatch)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--runs", type=int, default=90)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
        bench = Bench(Path(folder))
        try:
            bench.cold()
            for _ in range(max(3, options.rounds)):
                bench.round()
            took = bench.many(options.runs)
        finally:
            bench.close()
    medians = {name: statistics.median(found) for name, found in bench.figures.items()}
    binary, floor = medians["ssh binary, true"], medians["local subprocess, true"]
    print(f"{'':36} {'median ms':>10} {'÷ ssh':>8} {'÷ local':>8}")
    for name, ms in medians.items():
        print(f"{name:36} {ms:10.2f} {ms / binary:8.3f} {ms / floor:8.1f}")
    print(f"{options.runs} runs started on one host in {took:.1f} s")


if __name__ == "__main__":
    main()
