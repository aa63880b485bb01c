"""A place for webhooks to arrive, and the recorded steps done over on a repository with a hook."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from tests.contract.recordings import PREFIX, SECRET
from tests.contract.target import CannotDo, Target

#: Everything the recording's hook listened to that the stand-in can send.
EVENTS = ["create", "delete", "push", "issues", "pull_request"]


@dataclass(frozen=True)
class Arrival:
    """A delivery as it came: headers in order and spelling, exact bytes."""

    headers: dict[str, str]
    body: bytes


@dataclass(eq=False)
class Mailbox:
    """Takes every delivery and hands them out step by step."""

    url: str = ""
    arrived: list[Arrival] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, arrival: Arrival) -> None:
        """Take one in."""
        with self._changed:
            self.arrived.append(arrival)
            self._changed.notify_all()

    def take(self, count: int, target: Target) -> list[Arrival]:
        """What came for a step that should send ``count``: waits for so many, then takes all there is."""
        target.settle()
        with self._changed:
            self._changed.wait_for(lambda: len(self.arrived) >= count, timeout=15)
            taken, self.arrived = self.arrived, []
        return taken


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mailbox on the loopback address."""
    box = Mailbox()

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            box.put(Arrival(dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        box.url = f"http://127.0.0.1:{server.server_port}/hook"
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()


class Kept(dict[str, Any]):
    """What steps remember for later ones; what a skipped step would have left cannot be had."""

    def __missing__(self, name: str) -> Any:
        raise CannotDo(f"{name} comes from a step that was not possible")


@dataclass(eq=False)
class Scene:
    """A repository with a hook, who acts on it, and what is remembered between the steps."""

    target: Target
    box: Mailbox
    repo: str
    kept: Kept = field(default_factory=Kept)
    _tokens: dict[str, str] = field(default_factory=dict)
    _session: requests.Session = field(default_factory=requests.Session)

    def set_up(self) -> None:
        """Labels as in the recording, and the hook."""
        for name in ("agent:codex", "agent:claude", "bug"):
            self.label(name, exclusive=False)
        for name in ("fleet/queued", "fleet/running", "fleet/done"):
            self.label(name, exclusive=True)
        config = {"url": self.box.url, "content_type": "json", "secret": SECRET}
        body = {"type": "forgejo", "config": config, "events": EVENTS, "active": True}
        self.kept["hook"] = self.call("fleet-bot", "POST", "/hooks", body)["id"]

    def label(self, name: str, *, exclusive: bool) -> None:
        """Make a label and remember its id."""
        body = {"name": name, "color": "#1d76db", "exclusive": exclusive}
        self.kept[name] = self.call("ann", "POST", "/labels", body)["id"]

    def call(
        self,
        login: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        refused: bool = False,
        file: bytes = b"",
    ) -> Any:
        """A call on the repository; it must succeed, or must not when ``refused``."""
        if login not in self._tokens:
            scopes = ("write:issue", "write:repository", "read:user")
            self._tokens[login] = self.target.token(login, *scopes)
        sent: dict[str, Any] = {"files": {"attachment": ("log.txt", file)}} if file else {"json": body}
        answer = self._session.request(
            method,
            f"{self.target.url}{PREFIX}/repos/{self.repo}{path}",
            headers={"Authorization": f"token {self._tokens[login]}"},
            **sent,
        )
        assert answer.ok != refused, f"{method} {path}: {answer.status_code} {answer.text}"
        json_came = "application/json" in answer.headers.get("Content-Type", "")
        return answer.json() if json_came and answer.content else None

    def write(self, login: str, branch: str, path: str, text: str, *, new: bool = False) -> None:
        """Commit a file by API, on a new branch or on one that is there."""
        where = {"new_branch": branch, "branch": "main"} if new else {"branch": branch}
        content = base64.b64encode(text.encode()).decode()
        self.call(login, "POST", f"/contents/{path}", {"content": content, "message": f"Add {path}", **where})

    def close(self) -> None:
        """End the connections."""
        self._session.close()
