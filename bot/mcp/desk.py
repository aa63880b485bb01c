"""What an agent may ask for, as calls of the API: knows the claims it holds, and nothing of MCP."""

import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from bot.agent.client import Claim, Client, NoWork
from bot.core import mcp_text as text
from bot.core.errors import Refused, Unavailable

T = TypeVar("T")
Json = dict[str, Any]
_TASK: Final = re.compile(r"t_[0-9a-z]{1,40}")
_LONGEST_WAIT_SECS: Final = 25


class Desk:
    """One agent's, or one operator's, view of one server; any thread may use it."""

    def __init__(self, url: str, agent_id: str, token: str, folder: Path | None) -> None:
        """``folder`` takes bundles; None: no source, no results. Raises Refused for a bad ``url``."""
        self._token = token
        self._client = Client(url, agent_id, lambda: self._token)
        self._folder = folder
        self._claims: dict[str, Claim] = {}
        self._seq: dict[str, int] = {}
        self._claim_id = ""
        self._lock = threading.RLock()

    # --- as an agent --------------------------------------------------------------------------------------

    def register(self, agent_type: str, capabilities: Sequence[str], max_concurrency: int) -> Json:
        """An agent token that is handed out is used from now on and shown to nobody."""
        about = {"agent_type": agent_type, "capabilities": list(capabilities), "max_concurrency": max_concurrency}
        said = self._client.register(about)
        with self._lock:
            self._token = str(said.pop("agent_token", None) or self._token)
        return said

    def pull(self, wait_secs: int) -> Json:
        """A task, or when to ask again. After a lost answer the same task comes again."""
        with self._lock:
            self._claim_id = self._claim_id or str(uuid.uuid4())
            claim_id = self._claim_id
        found = self._client.dequeue(claim_id, max(0, min(wait_secs, _LONGEST_WAIT_SECS)))
        with self._lock:
            self._claim_id = ""
            if isinstance(found, NoWork):
                return {"task": None, "message": text.no_work(found.retry_after), "retry_after": found.retry_after}
            self._claims[found.task_id] = found
        return {"task": found.task, "fence": found.fence}

    def beat(self) -> Json:
        with self._lock:
            held = [(claim.task_id, claim.fence) for claim in self._claims.values()]
        said = self._client.heartbeat(held)
        commands = said.get("commands")
        for told in commands if isinstance(commands, list) else []:
            if isinstance(told, dict) and told.get("command") == "drop":
                self._forget(str(told.get("task_id")))
        return said

    def progress(self, task_id: str, message: str, checklist: Sequence[Mapping[str, Any]], log: str) -> Json:
        claim, report = self._claim(task_id), {"status": "progress", "message": message, "seq": self._next(task_id)}
        if checklist:
            report["checklist"] = [{"text": str(x.get("text", "")), "done": x.get("done") is True} for x in checklist]
        if log:
            known = self._client.status(claim, report | {"log": {"offset": 0, "text": ""}}).get("log_offset", 0)
            report |= {"seq": self._next(task_id), "log": {"offset": int(known or 0), "text": log}}
        return self._client.status(claim, report)

    def source(self, task_id: str) -> str:
        claim = self._claim(task_id)
        into = self._place(f"{claim.task_id}.source.bundle")
        sha = self._client.source(claim, None, into)
        return text.source_is_in(str(into), sha)

    def result(self, task_id: str, bundle: str) -> Json:
        """``bundle`` is the name of a file in the work folder."""
        claim, path = self._claim(task_id), self._place(bundle)
        if not path.is_file():
            raise Refused(text.no_bundle(path.name))
        return self._client.result(claim, path)

    def complete(self, task_id: str, outcome: str, message: str, reason: str = "") -> Json:
        said = self._client.complete(self._claim(task_id), {"outcome": outcome, "message": message, "reason": reason})
        self._forget(task_id)
        return said

    # --- as an operator -----------------------------------------------------------------------------------

    def tasks(self, state: Sequence[str], repo: str, limit: int) -> Json:
        asked = [("state", one) for one in state] + ([("repo", repo)] if repo else [])
        return self._client.get("/tasks", [*asked, ("limit", str(max(1, min(limit, 200))))])

    def task(self, task_id: str) -> Json:
        return self._client.get(_of(task_id), self._who())

    def log(self, task_id: str, offset: int) -> str:
        return self._client.text(f"{_of(task_id)}/log", [*self._who(), ("offset", str(max(0, offset)))])

    def steer(self, task_id: str, verb: str, said: Json) -> Json:
        return self._client.post(f"{_of(task_id)}/{verb}", said)

    def holds_something(self) -> bool:
        with self._lock:
            return bool(self._claims)

    def _who(self) -> list[tuple[str, str]]:
        return [("agent_id", self._client.agent_id)]

    def _claim(self, task_id: str) -> Claim:
        with self._lock:
            if task_id not in self._claims:
                raise Refused(text.not_yours(task_id[:60]))
            return self._claims[task_id]

    def _next(self, task_id: str) -> int:
        with self._lock:
            self._seq[task_id] = self._seq.get(task_id, 0) + 1
            return self._seq[task_id]

    def _forget(self, task_id: str) -> None:
        with self._lock:
            self._claims.pop(task_id, None)
            self._seq.pop(task_id, None)

    def _place(self, name: str) -> Path:
        """A file directly in the work folder, whatever the name tries to be."""
        if self._folder is None:
            raise Refused(text.no_folder())
        return self._folder / Path(name).name


def _of(task_id: str) -> str:
    if not _TASK.fullmatch(task_id):
        raise Refused(text.not_yours(task_id[:60]))
    return f"/tasks/{quote(task_id, safe='')}"


def in_words(ask: Callable[[], T]) -> T:
    """``ask()``; a refusal or a silent server as one error whose text says what to do. Raises ValueError."""
    try:
        return ask()
    except Refused as refused:
        raise ValueError(str(refused)) from refused
    except Unavailable as problem:
        raise ValueError(text.later(str(problem))) from problem
