"""Tells the server that we live, and obeys what it says in return."""

import threading
from collections.abc import Callable
from typing import Any, Final

import structlog

from bot.agent.attempts import CANCELLED, SUPERSEDED, Attempts
from bot.agent.client import Client
from bot.core.errors import Refused, Unavailable

log = structlog.get_logger(__name__)

#: What a heartbeat's commands mean for a run.
_STOPS: Final = {"cancel": CANCELLED, "drop": SUPERSEDED}
_SHORTEST_SECS: Final = 0.2
_LONGEST_SECS: Final = 3600.0


class Beat(threading.Thread):
    """Beats until ``stop`` is set. ``register`` is called when the server does not know us (any more),
    ``drain(True | False)`` with what it wishes, ``fail`` with a refusal that will not go away.
    """

    def __init__(
        self,
        client: Client,
        attempts: Attempts,
        every_secs: float,
        stop: threading.Event,
        *,
        register: Callable[[], object],
        drain: Callable[[bool], None],
        fail: Callable[[Refused], None],
    ) -> None:
        super().__init__(name="beat", daemon=True)
        self._client, self._attempts, self._every, self._stop_asked = client, attempts, every_secs, stop
        self._register, self._drain, self._fail = register, drain, fail

    def run(self) -> None:
        pause = 0.0
        while not self._stop_asked.wait(pause):
            pause = self.beat()

    def beat(self) -> float:
        """One heartbeat; returns the seconds until the next. Work goes on while the server is away."""
        try:
            answer = self._client.heartbeat(self._attempts.named())
        except Unavailable as away:
            log.warning("heartbeat not heard", why=away.what)
            # Sooner than usual: the lease is running out while nobody hears us.
            return _within(away.retry_after if away.retry_after is not None else min(self._every / 4, 15.0))
        except Refused as refused:
            return self._refused(refused)
        for command in answer.get("commands") or []:
            self._obey(command)
        self._drain(bool(answer.get("drain")))
        said = answer.get("next_secs")
        return _within(float(said) if isinstance(said, int | float) and not isinstance(said, bool) else self._every)

    def _refused(self, refused: Refused) -> float:
        if self._stop_asked.is_set():
            return _SHORTEST_SECS
        if refused.status in (401, 404):
            log.warning("the server does not know us; registering again", status=refused.status)
            try:
                self._register()
            except Unavailable as away:
                log.warning("registering not heard", why=away.what)
            except Refused as again:
                self._fail(again)
        elif refused.status == 403:
            self._fail(refused)
        else:
            log.error("heartbeat refused", why=str(refused), status=refused.status)
        return _within(self._every)

    def _obey(self, command: dict[str, Any]) -> None:
        why = _STOPS.get(str(command.get("command")))
        if why is None:
            log.info("a command this version does not know", command=command.get("command"))
            return
        log.info("told to stop a run", task=command.get("task_id"), why=why)
        self._attempts.stop(str(command.get("task_id")), int(command.get("fence") or 0), why)


def _within(secs: float) -> float:
    return min(max(secs, _SHORTEST_SECS), _LONGEST_SECS)
