"""The service as it runs in earnest: gunicorn's web processes and, where wanted, the worker."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks import wire
from bot.store.database import migrate

_ROOT: Final = Path(__file__).parents[1]
SECRET: Final = "the hook's secret"
ENROLMENT: Final = "enrolment-token-of-the-bench"
_PATIENCE_SECS: Final = 60.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Service:
    """``slower_ms`` is added to each durable commit of the web processes (``benchmarks.slow_disk``)."""

    def __init__(
        self,
        folder: Path,
        forge: str = "http://127.0.0.1:1",
        token: str = "x",
        *,
        worker: bool = False,
        threads: int = 128,
        waiting: int = 0,
        slower_ms: float = 0.0,
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address: wire.Address = ("127.0.0.1", free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self.path = folder / "fleet.db"
        config = folder / "config.toml"
        config.write_text(
            f'[server]\nport = {self.address[1]}\nworkers = 2\nthreads = {threads}\npublic_url = "{self.url}"\n'
            f'[forgejo]\nurl = "{forge}"\ntoken = "{token}"\nwebhook_secret = "{SECRET}"\n'
            f'[orchestrator]\ndb_path = "{self.path}"\ndata_dir = "{folder}/data"\n'
            f'http_pull_token = "{ENROLMENT}"\nmax_waiting_agents = {waiting}\n'
        )
        config.chmod(0o600)
        migrate(self.path)
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(_ROOT),
            "AGENT_FLEET_CONFIG": str(config),
        }
        self._log = (folder / "service.log").open("w")
        web = ["-m", "benchmarks.slow_disk", str(slower_ms), "--config", str(_ROOT / "gunicorn.conf.py")]
        self._processes = [self._start(web)]
        if worker:
            self._processes.append(self._start(["-m", "bot", "worker"]))
        self._wait_for_it()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.close()

    def pids(self) -> list[int]:
        """All processes of it."""
        found, new = [], [p.pid for p in self._processes]
        while new:
            found += new
            children = [Path(f"/proc/{pid}/task/{pid}/children").read_text().split() for pid in new]
            new = [int(pid) for of_one in children for pid in of_one]
        return found

    def cpu_secs(self) -> float:
        """That it has used so far."""
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICKS

    def memory_mb(self) -> float:
        """What is its own or shared in proportion (PSS)."""
        kb = 0
        for pid in self.pids():
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            kb += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return kb / 1024

    def _start(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=_ROOT, env=self._env, stdout=self._log, stderr=self._log
        )

    def _wait_for_it(self) -> None:
        until = time.monotonic() + _PATIENCE_SECS
        while time.monotonic() < until:
            try:
                client = wire.Client(self.address)
                if client.asks(wire.request("GET", "/healthz"))[0] == 200:
                    client.close()
                    return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"the service does not answer: {Path(self._log.name).read_text()[-2000:]}")
