"""A repository on a forge, the people around it, and the fleet's processes."""

import base64
import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import requests

from bot.demo.processes import Processes, answers, free_port
from bot.demo.story import FILES
from tests.contract.target import Target

_LIMIT_SECS: Final = 60
_LOOK_EVERY_SECS: Final = 0.2
_SCOPES: Final = ("write:repository", "write:issue", "read:user")
#: What the agent's command knows how to work on; the forge makes the README by itself, and no empty file by API.
_MODULES: Final = ("slug", "median")
_WRITTEN: Final = {
    ".gitignore": FILES[".gitignore"],
    **{path: FILES[path] for x in _MODULES for path in (f"measures/{x}.py", f"tests/test_{x}.py")},
    **{f"{x}/__init__.py": f'"""The {x}."""\n' for x in ("measures", "tests")},
}
#: `agent-fleet serve` shall hear of everything by webhook; whoever wants sweeps says so.
_NO_SWEEP_SECS: Final = 3600

T = TypeVar("T")


@dataclass(frozen=True)
class Person:
    """Somebody who acts in the repository by API."""

    login: str
    token: str
    _address: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A call below ``/repos/owner/name``; it must succeed."""
        headers = {"Authorization": f"token {self.token}"}
        answer = requests.request(method, self._address + path, json=body, headers=headers, timeout=30)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def open_issue(self, title: str, body: str, label: str = "") -> int:
        """Opens an issue, then puts a label on it."""
        number: int = self.call("POST", "/issues", {"title": title, "body": body})["number"]
        if label:
            self.call("POST", f"/issues/{number}/labels", {"labels": [label]})
        return number


@dataclass(frozen=True)
class Said:
    """How a command of ours ended."""

    code: int
    out: str
    err: str
    secs: float

    @property
    def json(self) -> Any:
        assert self.out, self.err
        return json.loads(self.out)


class Place:
    """`ann` owns the repository, `bob` writes, `zoe` only reads; names are new each time, so that a forge that goes
    on running can be used again."""

    def __init__(self, forge: Target, folder: Path) -> None:
        self.forge, self._folder = forge, folder
        self._processes = Processes(folder)
        mark = secrets.token_hex(3)
        self.full_name = f"ann-{mark}/measures"
        for login in ("ann", "bob", "zoe", "fleet-bot"):
            forge.person(f"{login}-{mark}")
        forge.repository(self.full_name)
        forge.grant(self.full_name, f"bob-{mark}", "write")
        forge.grant(self.full_name, f"fleet-bot-{mark}", "admin")
        self.ann, self.bob, self.zoe, self.bot = (
            self._person(f"{login}-{mark}") for login in ("ann", "bob", "zoe", "fleet-bot")
        )
        for path, written in _WRITTEN.items():
            content = base64.b64encode(written.encode()).decode()
            self.ann.call("POST", f"/contents/{path}", {"content": content, "message": f"Add {path}"})
        self.ann.call("POST", "/labels", {"name": "agent:python", "color": "#795548"})
        self._port, self._enrolment = free_port(), secrets.token_urlsafe(24)
        self.server = f"http://127.0.0.1:{self._port}"
        self._config = folder / "config.toml"
        self._hook_secret = secrets.token_urlsafe(24)

    def __enter__(self) -> Self:
        self._processes.__enter__()
        return self

    def __exit__(self, *how: object) -> None:
        self._processes.__exit__(*how)

    def _person(self, login: str) -> Person:
        address = f"{self.forge.url}/api/v1/repos/{self.full_name}"
        return Person(login, self.forge.token(login, *_SCOPES), address)

    # --- the fleet ---------------------------------------------------------------------------------------

    def configure(self, *, sweep_secs: int = _NO_SWEEP_SECS) -> None:
        """Writes config.toml."""
        self._config.touch(0o600)
        self._config.write_text(
            f'[server]\nbind = "127.0.0.1"\nport = {self._port}\nworkers = 1\nthreads = 16\n'
            f'[forgejo]\nurl = "{self.forge.url}"\ntoken = "{self.bot.token}"\nwebhook_secret = "{self._hook_secret}"\n'
            f'[orchestrator]\ndb_path = "{self._folder / "fleet.db"}"\nhttp_pull_token = "{self._enrolment}"\n'
            "retry_backoff_secs = 1\ndisplay_min_interval_secs = 1\nheartbeat_interval_secs = 5\n"
            f"sweep_interval_secs = {sweep_secs}\n"
        )

    def serve(self) -> None:
        """`agent-fleet serve`, until the place is left."""
        self._processes.start("server", "serve", "--config", str(self._config))
        self._processes.until(lambda: answers(f"{self.server}/healthz"), "server")

    def stop_serving(self) -> None:
        """The server goes away, as at a restart."""
        self._processes.stop("server")

    def start_agent(self) -> None:
        """`agent-fleet agent` with the demo's agent command."""
        token = self._folder / "enrolment-token"
        token.touch(0o600)
        token.write_text(self._enrolment)
        self._processes.start(
            "agent",
            *("agent", "--server", self.server, "--token-file", str(token), "--type", "exec", "--id", "py-1"),
            *("--capability", "python", "--work-dir", str(self._folder / "work")),
            *("--command", f"{sys.executable} -m bot.demo.fixer"),
        )

    def setup(self, *options: str) -> Said:
        """`agent-fleet setup` on the repository, to its end."""
        command = [sys.executable, "-m", "bot", "setup", self.full_name, "--config", str(self._config), *options]
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LIMIT_SECS)
        return Said(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    # --- what can be seen on the forge -------------------------------------------------------------------

    def until(self, look: Callable[[], T | None], what: str) -> T:
        """What ``look`` finds as soon as it finds something; other processes bring it about, so it is asked again."""
        deadline = time.monotonic() + _LIMIT_SECS
        while not (found := look()):
            self._processes.none_died()
            assert time.monotonic() < deadline, f"{what}: not within {_LIMIT_SECS} s.{self._told()}"
            time.sleep(_LOOK_EVERY_SECS)
        return found

    def states(self, number: int) -> list[str]:
        """The labels with which the bot shows a state."""
        return [x["name"] for x in self.ann.call("GET", f"/issues/{number}/labels") if x["name"].startswith("fleet/")]

    def until_state(self, number: int, state: str) -> None:
        """Waits until an issue shows this state and no other."""
        self.until(lambda: self.states(number) == [f"fleet/{state}"], f"#{number} fleet/{state}")

    def pulls(self, number: int) -> list[Any]:
        """The pull requests on the bot's branches for an issue."""
        there = self.ann.call("GET", "/pulls?state=all")
        return [x for x in there if re.match(rf"fleet/{number}-", x["head"]["ref"])]

    def until_ready(self, number: int) -> Any:
        """The issue's pull request, once its commit status is green."""
        (pull,) = self.until(lambda: self._pulls_unless_failed(number), f"pull request for #{number}")
        address = f"/commits/{pull['head']['sha']}/statuses"
        wanted = ("agent-fleet", "success")
        self.until(
            lambda: any((x["context"], x["status"]) == wanted for x in self.ann.call("GET", address)),
            f"green status of pull request #{pull['number']}",
        )
        return pull

    def status_comments(self, number: int) -> list[str]:
        """The bot's status comments on an issue; there should be one."""
        said = self.ann.call("GET", f"/issues/{number}/comments")
        return [x["body"] for x in said if "fleet:v1:status:" in x["body"] and x["user"]["login"] == self.bot.login]

    def file(self, path: str) -> str:
        """A file on the main branch."""
        return base64.b64decode(self.ann.call("GET", f"/contents/{path}?ref=main")["content"]).decode()

    def _pulls_unless_failed(self, number: int) -> list[Any]:
        assert self.states(number) != ["fleet/failed"], self.status_comments(number)
        return self.pulls(number)

    def _told(self) -> str:
        """The last words of all processes, for a failed test."""
        logs = sorted(self._folder.glob("*.log"))
        return "".join(f"\n--- {x.name}\n{x.read_text(errors='replace')[-2000:]}" for x in logs)
