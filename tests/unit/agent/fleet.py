"""A server that speaks the agents' wire over real HTTP: one repository, tasks in memory, faults on request."""

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.execution.bundle import BundleRules, NothingToCommit, Quarantine, RejectedBundle
from tests.unit.execution.repos import Repo

Answer = tuple[int, dict[str, str], bytes]
ENROLMENT = "enrol-0123456789abcdef"
#: What a call may be answered with instead: an answer, or LOST: it takes effect, but nobody hears of it.
LOST = "lost"


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, named, b"" if body is None else json.dumps(body).encode()


def problem(status: int, detail: str, kind: str = "refused") -> Answer:
    return answer(status, {"title": "No", "status": status, "detail": detail, "kind": kind, "error": detail})


@dataclass
class Task:
    """One task as the server sees it."""

    task_id: str
    prompt: str
    timeout_secs: float = 60
    title: str = "A task"
    fence: int = 0
    state: str = "queued"
    agent: str = ""
    claim_id: str = ""
    log: bytes = b""
    messages: list[str] = field(default_factory=list)
    checklist: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    completion: dict[str, Any] = field(default_factory=dict)
    cancel: bool = False
    #: What the server tells besides, such as the prompt it made.
    told: dict[str, Any] = field(default_factory=dict)


class Fleet:
    """``wait_for`` is how tests wait: it is told of every change."""

    def __init__(self, folder: Path) -> None:
        self.repo = Repo(folder / "upstream.git")
        self.base = self.repo.commit({"README.md": b"hello\n", "kept.txt": b"as it was\n"}, None, "Start")
        self.repo.point("refs/heads/main", self.base)
        self._folder = folder
        self.tasks: dict[str, Task] = {}
        self.agents: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.instead: dict[str, deque[Answer | str]] = defaultdict(deque)
        self.accepted = {ENROLMENT}
        self.tokens_seen: list[str] = []
        self.hand_out_token = "aft_" + "a" * 40
        self.drain = False
        #: True: a long poll is neither cut short nor ended by its agent's leave.
        self.holds_polls = False
        self.commands: list[dict[str, Any]] = []
        self.beat_secs = 0.2
        self.requeued: list[str] = []
        self.changed = threading.Condition(threading.RLock())
        self.rules = BundleRules()
        self.url = ""

    def add(self, prompt: str = "Do it", task_id: str = "", **more: Any) -> Task:
        task = Task(task_id or f"task-{len(self.tasks) + 1}", prompt, **more)
        with self.changed:
            self.tasks[task.task_id] = task
            self.changed.notify_all()
        return task

    def again(self, task: Task, **told: Any) -> None:
        """The task comes back into the queue, after an answer for example; the agent is told more."""
        with self.changed:
            task.state, task.agent, task.completion, task.told = "queued", "", {}, told
            self.changed.notify_all()

    def wait_for(self, found: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(found, 60), f"waited in vain; calls: {self.calls[-20:]}"

    def ends(self, task: Task) -> dict[str, Any]:
        """The task's completion, when it comes."""
        self.wait_for(lambda: task.completion)
        return task.completion

    def count(self, route: str) -> int:
        with self.changed:
            return sum(1 for name, _ in self.calls if name == route)

    def calls_of(self, route: str) -> list[dict[str, Any]]:
        with self.changed:
            return [said for name, said in self.calls if name == route]

    def file(self, task: Task, name: str) -> str:
        """A file as the agent's result has it."""
        return self.repo.git("show", f"{task.result['head_sha']}:{name}")

    # --- the calls ---

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """The answer, or None to hang up."""
        parts = urlsplit(path)
        words = parts.path.removeprefix("/api/v1/").split("/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        route = words[-1]
        is_json = headers.get("Content-Type") == "application/json"
        said = {**query, **(json.loads(body) if is_json and body else {})}
        with self.changed:
            token = headers.get("Authorization", "").removeprefix("Bearer ")
            self.calls.append((route, said))
            self.tokens_seen.append(token)
            self.changed.notify_all()
            instead = self.instead[route].popleft() if self.instead[route] else None
            if isinstance(instead, tuple):
                return instead
            if token not in self.accepted:
                return problem(401, "Who are you?", "unauthorised")
            handler: Callable[..., Answer] = getattr(self, f"_{route}")
            given = handler(said, body) if words[0] == "agents" else handler(words[1], said, body)
            self.changed.notify_all()
            return None if instead == LOST else given

    def _register(self, said: dict[str, Any], body: bytes) -> Answer:
        new = said["agent_id"] not in self.agents
        self.agents[said["agent_id"]] = said
        out = {"agent_id": said["agent_id"], "heartbeat_interval_secs": self.beat_secs}
        if new and self.hand_out_token:
            self.accepted.add(self.hand_out_token)
            out["agent_token"] = self.hand_out_token
        return answer(201 if new else 200, out)

    def _heartbeat(self, said: dict[str, Any], body: bytes) -> Answer:
        if said["agent_id"] not in self.agents:
            return problem(404, "Unknown agent.", "unknown_agent")
        commands, self.commands = self.commands, []
        return answer(200, {"commands": commands, "drain": self.drain, "next_secs": self.beat_secs})

    def _deregister(self, said: dict[str, Any], body: bytes) -> Answer:
        back = [t for t in self.tasks.values() if t.agent == said["agent_id"] and t.state == "running"]
        for task in back:
            task.state, task.agent = "queued", ""
        self.agents.pop(said["agent_id"], None)
        self.requeued += [t.task_id for t in back]
        return answer(200, {"requeued": [t.task_id for t in back]})

    def _dequeue(self, _: str, said: dict[str, Any] | bytes, body: bytes = b"") -> Answer:
        assert isinstance(said, dict)
        found = self._same_claim(said)

        def look() -> object:
            nonlocal found
            if said["agent_id"] not in self.agents and not self.holds_polls:
                return True
            found = found or next((t for t in self.tasks.values() if t.state == "queued"), None)
            return found

        if said["agent_id"] not in self.agents:
            return problem(404, "Unknown agent.", "unknown_agent")
        if found is None:
            self.changed.wait_for(look, min(said["wait_secs"], 60 if self.holds_polls else 2))
        if found is None:
            return answer(204, Retry_After="0")
        if found.claim_id != said["claim_id"]:
            found.state, found.agent, found.claim_id = "running", said["agent_id"], said["claim_id"]
            found.fence += 1
            found.log = b""
        return answer(
            200, {"task": self._told(found), "fence": found.fence, "lease_expires_at": "2030-01-01T00:00:00Z"}
        )

    def _same_claim(self, said: dict[str, Any]) -> Task | None:
        mine = (t for t in self.tasks.values() if t.claim_id == said["claim_id"] and t.state == "running")
        return next(mine, None)

    def _told(self, task: Task) -> dict[str, Any]:
        return {
            "task_id": task.task_id,
            "repo": "o/r",
            "issue": 7,
            "title": task.title,
            "prompt": task.prompt,
            "base": "main",
            "branch": "fleet/7-a-task",
            "labels": [],
            "priority": "normal",
            "attempt": task.fence,
            "timeout_secs": task.timeout_secs,
            "context": [],
            **task.told,
        }

    def _held(self, task_id: str, said: Mapping[str, Any]) -> Task | Answer:
        task = self.tasks.get(task_id)
        if task is None:
            return problem(404, "No such task.", "no_such_task")
        if int(said["fence"]) != task.fence or task.state != "running" or said["agent_id"] != task.agent:
            return problem(409, "Stale fence.", "stale_fence")
        return task

    def _status(self, task_id: str, said: dict[str, Any], body: bytes) -> Answer:
        task = self._held(task_id, said)
        if isinstance(task, tuple):
            return task
        if said.get("message"):
            task.messages.append(said["message"])
        task.checklist = said.get("checklist", task.checklist)
        if "log" in said and said["log"]["offset"] <= len(task.log):
            data = said["log"]["text"].encode()
            task.log = task.log + data[len(task.log) - said["log"]["offset"] :]
        return answer(200, {"cancel": task.cancel, "log_offset": len(task.log) if "log" in said else 0})

    def _source(self, task_id: str, said: dict[str, Any], body: bytes) -> Answer:
        task = self._held(task_id, said)
        if isinstance(task, tuple):
            return task
        without = [f"{self.base}^@"] if said.get("have") == self.base else []
        bundle = self.repo.bundle(
            self._folder / f"{task_id}.source", self.base, without, ref=f"refs/fleet/source/{self.base}"
        )
        return 200, {"Agent-Fleet-Source": self.base}, bundle.read_bytes()

    def _result(self, task_id: str, said: dict[str, Any], body: bytes) -> Answer:
        task = self._held(task_id, said)
        if isinstance(task, tuple):
            return task
        bundle = self._folder / f"{task_id}.result"
        bundle.write_bytes(body)
        try:
            with Quarantine(self.repo.path, self._folder) as quarantine:
                checked = quarantine.check(bundle, self.base, self.rules)
        except NothingToCommit:
            task.result = {"nothing": True, "base_sha": self.base, "head_sha": self.base}
        except RejectedBundle as rejected:
            return problem(422, rejected.observation, rejected.rule.value)
        else:
            self.repo.git("fetch", "-q", str(bundle), f"+refs/heads/*:refs/results/{task_id}/*")
            task.result = {"nothing": False, "base_sha": self.base, "head_sha": checked.head_sha}
        return answer(200, task.result)

    def _complete(self, task_id: str, said: dict[str, Any], body: bytes) -> Answer:
        task = self.tasks.get(task_id)
        if task is not None and task.completion == said:
            return answer(200, {"state": task.state})
        held = self._held(task_id, said)
        if isinstance(held, tuple):
            return held
        if said["outcome"] == "failed" and said["reason"] == "handed_back":
            held.state, held.agent = "queued", ""
            self.requeued.append(task_id)
        else:
            held.completion, held.state = said, said["outcome"]
        return answer(200, {"state": held.state, "verdict": "pending"})


@contextmanager
def serving(fleet: Fleet, port: int = 0) -> Iterator[str]:
    """The fleet on loopback; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = fleet.handle(self.command, self.path, dict(self.headers.items()), body)
            if given is None:
                self.close_connection = True
                return
            status, headers, out = given
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # whoever hung up is what the tests do on purpose

    server = Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    fleet.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fleet.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
