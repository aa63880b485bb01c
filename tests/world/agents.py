"""A pull agent as a program of somebody else's would be: it knows the API's wire and git, nothing of ours."""

import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from tests.world.issues import IssueView
    from tests.world.world import World


class PullAgent:
    def __init__(
        self, world: "World", name: str, capabilities: Sequence[str], agent_type: str, max_concurrency: int
    ) -> None:
        self._world = world
        self.name = name
        self._said = {
            "agent_id": name,
            "agent_type": agent_type,
            "capabilities": list(capabilities),
            "max_concurrency": max_concurrency,
        }
        self._token = ""
        self._alive = True
        self._seq = 0
        self.task: dict[str, Any] = {}
        self.fence = 0
        self.answer: requests.Response = requests.Response()

    # --- coming, staying, going ---------------------------------------------------------------------------

    def registers(self, token: str = "") -> "PullAgent":
        answer = self._call("POST", "agents/register", self._said, token=token or self._token)
        assert answer.status_code in (200, 201), answer.text
        self._token = answer.json().get("agent_token") or self._token
        return self

    def lives_on(self) -> None:
        if self._alive:
            self.beats()

    def beats(self) -> list[dict[str, Any]]:
        running = [{"task_id": self.task["task_id"], "fence": self.fence}] if self.task else []
        answer = self._call("POST", "agents/heartbeat", {"agent_id": self.name, "running": running})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["commands"])

    def vanishes(self) -> None:
        self._alive = False

    def comes_back(self) -> "PullAgent":
        """With what it was doing, as if nothing had happened."""
        self._alive = True
        return self

    def leaves(self) -> list[str]:
        answer = self._call("POST", "agents/deregister", {"agent_id": self.name})
        assert answer.status_code == 200, answer.text
        self._alive, self.task = False, {}
        return list(answer.json()["requeued"])

    # --- work ---------------------------------------------------------------------------------------------

    def asks_for_work(self, claim_id: str = "") -> requests.Response:
        self._world.settles()
        claim = {"agent_id": self.name, "wait_secs": 0, "claim_id": claim_id or str(uuid.uuid4())}
        answer = self._call("POST", "tasks/dequeue", claim)
        if answer.status_code == 200:
            self.task, self.fence = answer.json()["task"], answer.json()["fence"]
        return answer

    def claims(self, issue: "IssueView", claim_id: str = "") -> "PullAgent":
        answer = self.asks_for_work(claim_id)
        assert answer.status_code == 200, (
            f"{self.name} got {answer.status_code} {answer.text}: {issue.status_comment()}"
        )
        assert self.task["issue"] == issue.number
        return self

    def gets_nothing(self) -> None:
        answer = self.asks_for_work()
        assert answer.status_code == 204, answer.text

    def starts(self, message: str = "", checklist: Sequence[tuple[str, bool]] = ()) -> "PullAgent":
        self._seq += 1
        items = [{"text": text, "done": done} for text, done in checklist]
        said = {"status": "running", "seq": self._seq, "message": message, "checklist": items}
        answer = self._about_task("status", said)
        assert answer.status_code == 200, answer.text
        return self

    def finishes(self, changing: Mapping[str, str], summary: str = "Done.") -> "PullAgent":
        """Source, commit, result, completion: the whole way."""
        sent = self.sends(changing)
        assert sent.status_code == 200, sent.text
        self.completes("done", summary)
        assert self.answer.status_code == 200, self.answer.text
        return self._free()

    def finds_nothing(self, why: str) -> "PullAgent":
        self.completes("no_change", why)
        assert self.answer.status_code == 200, self.answer.text
        return self._free()

    def fails(self, message: str, reason: str = "agent_failed", **more: Any) -> "PullAgent":
        self.completes("failed", message, reason, more=more)
        assert self.answer.status_code == 200, self.answer.text
        return self._free()

    def asks(self, question: str, session: str = "") -> "PullAgent":
        self.completes("question", question, more={"session": session})
        assert self.answer.status_code == 200, self.answer.text
        return self._free()

    def sends(self, changing: Mapping[str, str]) -> requests.Response:
        """Fetches the source and sends one commit on it."""
        with tempfile.TemporaryDirectory() as folder:
            source = self._call("GET", f"tasks/{self.task['task_id']}/source", params=self._who())
            assert source.status_code == 200, source.text
            bundle = _commit(Path(folder), source.content, changing)
            path = f"tasks/{self.task['task_id']}/result"
            return self._call("POST", path, params=self._who(), data=bundle, kind="application/x-git-bundle")

    def reads(self) -> "PullAgent":
        """Fetches the source, and no more."""
        source = self._call("GET", f"tasks/{self.task['task_id']}/source", params=self._who())
        assert source.status_code == 200, source.text
        return self

    def attaches(self, name: str, content: bytes, **more: Any) -> requests.Response:
        """A file beside the commits."""
        path = f"tasks/{self.task['task_id']}/artifacts/{name}"
        kind = "application/octet-stream"
        return self._call("PUT", path, params=self._who() | more, data=content, kind=kind)

    def says_late(self, task_id: str, receipt: dict[str, Any]) -> requests.Response:
        """A receipt without completion."""
        said = {"agent_id": self.name, "task_id": task_id, "fence": self.fence, "receipt": receipt}
        return self._call("POST", "receipts", said)

    def completes(
        self, outcome: str, message: str = "", reason: str = "", more: Mapping[str, Any] | None = None, **receipt: Any
    ) -> "PullAgent":
        said = {"outcome": outcome, "message": message, "reason": reason, "receipt": receipt, **(more or {})}
        self.answer = self._about_task("complete", said)
        return self

    def reports(self, message: str, **more: Any) -> "PullAgent":
        self._seq += 1
        self.answer = self._about_task("status", {"status": "progress", "seq": self._seq, "message": message, **more})
        return self

    def asks_for_follow_up(self, key: str, title: str, text: str = "", **more: Any) -> requests.Response:
        return self._about_task("follow-ups", {"key": key, "title": title, "text": text, **more})

    def prints(self, text: str) -> "PullAgent":
        """What its program writes, sent along with a report."""
        self._seq += 1
        said = {"status": "progress", "seq": self._seq, "log": {"offset": 0, "text": text}}
        self.answer = self._about_task("status", said)
        assert self.answer.status_code == 200, self.answer.text
        return self

    def is_refused(self, because: str) -> None:
        assert self.answer.status_code == 409, self.answer.text
        assert because in self.answer.json()["detail"], self.answer.text

    def is_told(self, command: str) -> None:
        """By its next heartbeat, about the task it works on."""
        told = [c["command"] for c in self.beats() if c["task_id"] == self.task["task_id"]]
        assert told == [command], told

    def is_told_nothing(self) -> None:
        assert self.beats() == []

    def drops(self) -> "PullAgent":
        return self._free()

    def _free(self) -> "PullAgent":
        self.task = {}
        return self

    def _who(self) -> dict[str, Any]:
        return {"fence": self.fence, "agent_id": self.name}

    def _about_task(self, verb: str, said: dict[str, Any]) -> requests.Response:
        body = {"agent_id": self.name, "fence": self.fence, **said}
        return self._call("POST", f"tasks/{self.task['task_id']}/{verb}", body)

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        params: dict[str, Any] | None = None,
        data: bytes | None = None,
        kind: str = "",
        token: str = "",
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self._token}"}
        if kind:
            headers["Content-Type"] = kind
        with requests.Session() as http:  # a new connection each time: the server may have been restarted
            return http.request(
                method,
                f"{self._world.url}/api/v1/{path}",
                json=body,
                params=params,
                data=data,
                headers=headers,
                timeout=30,
            )


def _commit(folder: Path, source: bytes, changing: Mapping[str, str]) -> bytes:
    """A bundle with one commit on the source's."""
    (folder / "source").write_bytes(source)

    def git(*args: str, stdin: bytes = b"") -> str:
        done = subprocess.run(["git", *args], cwd=folder / "work", input=stdin, capture_output=True, check=True)
        return done.stdout.decode().strip()

    subprocess.run(["git", "init", "-q", str(folder / "work")], check=True, capture_output=True)
    git("fetch", "-q", "../source", "+refs/*:refs/source/*")
    start = git("for-each-ref", "--format=%(objectname)", "refs/source").splitlines()[0]
    git("checkout", "-q", start)
    for name, text in changing.items():
        (folder / "work" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "work" / name).write_text(text)
    git("add", "--all")
    git("-c", "user.name=agent", "-c", "user.email=agent@example.test", "commit", "-qm", "Work")
    git("branch", "-f", "result")
    git("bundle", "create", "-q", "../result", f"{start}..result")
    return (folder / "result").read_bytes()
