"""`agent-fleet serve` for real: web and worker under one parent, and both end with it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import requests

from bot.standin import Standin
from bot.store import inbox, open_store
from bot.store.database import migrate
from tests.unit.web.conftest import ENROLMENT, SECRET
from tests.unit.web.test_waiting import until
from tests.unit.web.test_webhooks import sign

ROOT: Final = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def config(tmp_path: Path, forge: Standin) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        f'[server]\nworkers = 1\nthreads = 8\n[forgejo]\nurl = "{forge.url}"\n'
        f'token = "{forge.person("fleet-bot").token}"\nwebhook_secret = "{SECRET}"\n'
        f'[orchestrator]\ndb_path = "{tmp_path}/fleet.db"\nhttp_pull_token = "{ENROLMENT}"\n'
    )
    return path


@contextlib.contextmanager
def served(config: Path, port: int, verb: str = "serve") -> Iterator[subprocess.Popen[str]]:
    """Until the block ends; killed then, if it still runs."""
    command = [sys.executable, "-m", "bot", verb, "--config", str(config), "--port", str(port)]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(config.parent)}
    with (
        (config.parent / "stderr").open("w") as errors,
        subprocess.Popen(
            command, cwd=config.parent, env=env, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def answers(process: subprocess.Popen[str]) -> str:
    """The line that says where; the log of gunicorn goes to stderr."""
    assert process.stdout
    return process.stdout.readline().strip()


def children(pid: int) -> list[int]:
    return [int(x) for x in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_serves_works_and_stops(config: Path, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with served(config, port) as process, requests.Session() as http:
        assert answers(process) == f"Agent Fleet answers at {url}"
        assert http.get(f"{url}/healthz", timeout=30).text == "ok"
        headers = {"X-Forgejo-Signature": sign(b"{}"), "X-Forgejo-Delivery": "d-1"}
        sent = http.post(f"{url}/api/v1/webhooks/forgejo", data=b"{}", headers=headers, timeout=30)
        assert sent.status_code == 202
        until(lambda: http.get(f"{url}/readyz", timeout=30).json()["ready"])
        chunked = http.post(f"{url}/api/v1/webhooks/forgejo", data=iter([b"{}"]), headers=headers, timeout=30)
        assert chunked.status_code == 411
        for _ in range(2):  # as who signals us, and our whole group
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (tmp_path / "stderr").read_text()
    assert "Traceback" not in (tmp_path / "stderr").read_text()
    assert "was killed" not in (tmp_path / "stderr").read_text()
    store = open_store(tmp_path / "fleet.db")
    try:
        assert store.read(lambda sql: inbox.due(sql, 1e12)) == []  # the worker dealt with it
    finally:
        store.close()


@pytest.mark.parametrize("which", [0, 1], ids=["web", "worker"])
def test_one_dying_ends_the_other(config: Path, tmp_path: Path, which: int) -> None:
    with served(config, free_port()) as process:
        assert answers(process)
        both = children(process.pid)
        os.kill(both[which], signal.SIGKILL)
        assert process.wait(60) == 1
        until(lambda: not any(map(alive, both)))
    name = ("web", "worker")[which]
    assert f"The {name} process was killed by signal 9" in (tmp_path / "stderr").read_text()


def test_killed_outright_it_leaves_nothing_running(config: Path) -> None:
    with served(config, free_port()) as process:
        assert answers(process)
        both = children(process.pid)
        everyone = both + [pid for child in both for pid in children(child)]
        process.kill()
        until(lambda: not any(map(alive, everyone)))


def test_a_taken_port_is_said_at_once(config: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, served(config, taken.getsockname()[1]) as process:
        assert process.wait(60) == 1
    assert "Cannot listen on 127.0.0.1:" in (tmp_path / "stderr").read_text()


def test_two_on_one_database_do_not_work(config: Path, tmp_path: Path) -> None:
    with served(config, free_port()) as process:
        assert answers(process)
        (tmp_path / "second").mkdir()
        second = tmp_path / "second" / "config.toml"
        second.write_text(config.read_text())
        with served(second, free_port()) as other:
            assert other.wait(60) == 1
        assert "Another worker already runs" in (tmp_path / "second" / "stderr").read_text()
        assert process.poll() is None


def test_web_processes_run_without_a_worker(config: Path, tmp_path: Path) -> None:
    migrate(tmp_path / "fleet.db")
    port = free_port()

    def answered() -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=30).text == "ok"
        return False

    with served(config, port, "web") as process:
        until(answered)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_web_processes_without_a_database_end_at_once(config: Path, tmp_path: Path) -> None:
    with served(config, free_port(), "web") as process:
        assert process.wait(60) == 1
    assert (tmp_path / "stderr").read_text().startswith(f"Error: There is no database {tmp_path}/fleet.db yet.")
