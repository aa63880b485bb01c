"""Agents of the stories with several machines: they go to whichever answers, and are as stubborn as ours."""

import contextlib
import itertools
import threading
import uuid
from collections.abc import Sequence
from typing import Any, Final

import requests

from tests.machines.machines import ENROLMENT, Machine

_TIMEOUT_SECS: Final = 4.0


class _Over(Exception):
    """The story is."""


class Worker(threading.Thread):
    """Finds nothing to change in every task that it gets. With ``sleeps`` it holds on to its first one until told."""

    def __init__(self, name: str, machines: Sequence[Machine], sleeps: threading.Event | None = None) -> None:
        super().__init__(name=name, daemon=True)
        self._machines = itertools.cycle(machines)
        self._machine = next(self._machines)
        self._sleeps = sleeps
        self._token = ""
        self.over = threading.Event()
        self.first: dict[str, Any] = {}
        self.stale: list[int] = []
        """Fences under which it was refused."""
        said = {"agent_id": name, "agent_type": "exec", "capabilities": ["python"]}
        self._token = self._asks("agents/register", said, token=ENROLMENT).json()["agent_token"]

    def run(self) -> None:
        with contextlib.suppress(_Over):
            self._works()

    def _works(self) -> None:
        while not self.over.is_set():
            claim = {"agent_id": self.name, "wait_secs": 1, "claim_id": str(uuid.uuid4())}
            answer = self._asks("tasks/dequeue", claim)
            if answer.status_code == 200:
                self._does(answer.json()["task"]["task_id"], answer.json()["fence"])
            else:
                assert answer.status_code == 204, answer.text
                self.over.wait(0.05)

    def _does(self, task_id: str, fence: int) -> None:
        if self._sleeps and not self.first:
            self.first = {"task_id": task_id, "fence": fence}
            self._sleeps.wait()
        ended = {"agent_id": self.name, "fence": fence, "outcome": "no_change", "message": "It is right as it is."}
        answer = self._asks(f"tasks/{task_id}/complete", ended)
        if answer.status_code == 409:
            self.stale.append(fence)
        else:
            assert answer.status_code == 200, answer.text

    def _asks(self, path: str, said: dict[str, Any], token: str = "") -> requests.Response:
        """Until a machine answers, and knows."""
        headers = {"Authorization": f"Bearer {token or self._token}"}
        while not self.over.is_set():
            try:
                url = f"{self._machine.url}/api/v1/{path}"
                answer = requests.post(url, json=said, headers=headers, timeout=_TIMEOUT_SECS)
            except requests.RequestException:
                answer = None
            if answer is not None and answer.status_code < 500:
                return answer
            self._machine = next(self._machines)
            self.over.wait(0.05)
        raise _Over
