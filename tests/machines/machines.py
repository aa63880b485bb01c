"""A machine of the fleet: web and worker as in earnest, in a network namespace or on a loopback address of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from tests.world.netns import Network

ROOT: Final = Path(__file__).parents[2]
SECRET: Final = "the hook's secret"
ENROLMENT: Final = "enrolment-token-of-the-world"
PORT: Final = 18080
#: Short, so that a pause longer than that is over soon.
LEASE_SECS: Final = 4

#: In the place of a machine whose clock goes wrong.
_SKEWED: Final = "import time\nreal = time.time\ntime.time = lambda: real() + {ahead}\n"


class Machine:
    """``ahead_secs``: by how much its clock is wrong."""

    def __init__(
        self, folder: Path, number: int, network: Network | None, forge: str, token: str, where: str, ahead_secs: int
    ) -> None:
        self.address = network.addresses[number] if network else f"127.0.0.{number + 2}"
        self.url = f"http://{self.address}:{PORT}"
        own = folder / f"machine-{number}"
        own.mkdir()
        (own / "sitecustomize.py").write_text(_SKEWED.format(ahead=ahead_secs))
        config = own / "config.toml"
        config.write_text(
            f'[server]\nbind = "{self.address}"\nport = {PORT}\npublic_url = "{self.url}"\nworkers = 1\nthreads = 16\n'
            f'[forgejo]\nurl = "{forge}"\ntoken = "{token}"\nwebhook_secret = "{SECRET}"\n'
            f'[orchestrator]\ndatabase_url = "{where}"\ndata_dir = "{folder / "data"}"\n'
            f'http_pull_token = "{ENROLMENT}"\n'
            f"heartbeat_interval_secs = {LEASE_SECS // 2}\nheartbeat_timeout_threshold = 2\nsweep_interval_secs = 3\n"
        )
        config.chmod(0o600)
        command = [sys.executable, "-m", "bot", "--config", str(config), "serve"]
        self._command = network.on(number, command) if network else command
        self._env = os.environ | {"PYTHONPATH": f"{own}:{ROOT}"}
        self._log = own / "log"
        self.starts()

    def starts(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, env=self._env, stdout=log, stderr=log)

    def is_ready(self) -> bool:
        assert self._process.poll() is None, self.said()
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(json.load(answer)["ready"])
        except (urllib.error.URLError, OSError):
            return False

    def said(self) -> str:
        return self._log.read_text()[-5000:]

    def pids(self) -> list[int]:
        """The parent, then its children, then theirs."""
        found, new = [], [self._process.pid]
        while new:
            found += new
            children = []
            for pid in new:
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    children += Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            new = [int(pid) for pid in children]
        return found

    def loses_power(self) -> None:
        """kill -9 of everything at once."""
        self._signal(self.pids(), signal.SIGKILL)
        self._process.wait(10)

    def loses_a_web_process(self) -> None:
        """The newest: its parent starts another one."""
        self._signal(self.pids()[-1:], signal.SIGKILL)

    def is_paused(self) -> None:
        self._signal(self.pids(), signal.SIGSTOP)

    def goes_on(self) -> None:
        self._signal(self.pids(), signal.SIGCONT)

    def stops(self) -> int:
        """Its exit code."""
        if self._process.poll() is None:
            self.goes_on()
            self._process.terminate()
        return self._process.wait(60)

    def _signal(self, pids: list[int], number: signal.Signals) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
