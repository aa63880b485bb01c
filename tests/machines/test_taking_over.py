"""Machines and databases that die: another one goes on within seconds, and nobody has to do anything."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from bot.standin import Standin
from tests.world import databases

ROOT: Final = Path(__file__).parents[2]
_PATIENCE_SECS: Final = 90.0


class Machine:
    """`agent-fleet serve`: web processes and a worker, on ``address``."""

    def __init__(self, folder: Path, address: str, forge: str, token: str, where: str) -> None:
        self._url = f"http://{address}:18080"
        config = folder / f"{address}.toml"
        config.write_text(
            f'[server]\nbind = "{address}"\nport = 18080\npublic_url = "{self._url}"\nworkers = 1\n'
            f'[forgejo]\nurl = "{forge}"\ntoken = "{token}"\nwebhook_secret = "the hook\'s secret"\n'
            f'[orchestrator]\ndatabase_url = "{where}"\ndata_dir = "{folder / "data"}"\n'
            'http_pull_token = "enrolment-token-of-the-world"\n'
        )
        config.chmod(0o600)
        command = [sys.executable, "-m", "bot", "--config", str(config), "serve"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/readyz", timeout=5) as answer:
                return bool(json.load(answer)["ready"])
        except (urllib.error.URLError, OSError):
            return False

    def loses_power(self) -> None:
        """kill -9 of everything at once."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in (self._process.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(10)

    def stops(self) -> int:
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(60)


@pytest.fixture
def server() -> Iterator[databases.Server]:
    databases.server()  # skips where there is none, fails in CI
    programs = databases.binaries()
    assert programs is not None
    made = databases.Server(programs, durable=True)
    yield made
    made.remove()


def leader(server: databases.Server) -> object:
    """The session that leads, None for nobody."""
    held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 3 AND granted"
    return next(iter(server.sql(held)), None)


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_machine_dies_and_then_the_database(server: databases.Server, tmp_path: Path) -> None:
    where, forge = server.empty(), Standin(tmp_path / "forge")
    with forge.serve():
        token = forge.person("fleet-bot").token
        first = Machine(tmp_path, "127.0.0.2", forge.url, token, where)
        second = None
        try:
            until(first.is_ready)
            second = Machine(tmp_path, "127.0.0.3", forge.url, token, where)
            until(second.is_ready)
            led = leader(server)
            first.loses_power()
            until(lambda: leader(server) not in (None, led))
            assert second.is_ready()
            server.stop("immediate")
            server.start()
            until(second.is_ready)
            until(lambda: leader(server))
            assert second.stops() == 0
        finally:
            for machine in (first, second):
                if machine is not None:
                    machine.stops()
