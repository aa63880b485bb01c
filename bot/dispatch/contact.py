"""Keeping in touch: with a host that may be away, a forge that may be down, and a task that may be taken from us."""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from bot.agent.failures import is_over
from bot.core.errors import Refused, Unavailable
from bot.dispatch.site import HostSite
from bot.execution.host_errors import AuthRefused, HostKeyProblem, Unreachable
from bot.execution.hosts import Host
from bot.service import reports
from bot.service.fleet import Fleet
from bot.store import attempts
from bot.store.attempts import Attempt

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: A host that has not answered for so long has lost what ran there.
GONE_SECS: Final = 900.0
_PAUSE_SECS: Final = 5.0
#: Before anything is started there: how often, and after which pause, a host is asked before another may have the task.
_TRIES: Final = 3
_SHORT_PAUSE_SECS: Final = 0.5
_LONGEST_PAUSE_SECS: Final = 30.0


class Leaving(Exception):
    """The orchestrator stops; the run goes on and is adopted later."""


class Superseded(Exception):
    """The attempt has ended otherwise (cancelled, failed, another took its place): end the run and say nothing."""


class Vanished(Exception):
    """The run is lost; ``why`` is boot, gone or silent."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Contact:
    """What one attempt's supervisor says and asks. Every method raises Leaving or Superseded when its time is over."""

    def __init__(self, fleet: Fleet, site: HostSite, attempt: Attempt, stopping: threading.Event) -> None:
        self._fleet, self._site, self._stopping = fleet, site, stopping
        self._task_id, self._fence, self._agent = attempt.task_id, attempt.fence, attempt.agent

    def host(self, call: Callable[[Host], T], *, mends: bool = False) -> T:
        """The host's answer, however long it is away; what runs there goes on meanwhile.

        Raises Vanished when it has been away for too long, and what ``call`` raises but for Unreachable.
        """
        return self.await_host(lambda: self._site.ask(call, mends=mends))

    def briefly(self, call: Callable[[Host], T]) -> T:
        """The host's answer, unless it is really away: a line that breaks once is tried again. Raises what ask does."""
        for _ in range(_TRIES - 1):
            self.still_ours()
            try:
                return self._site.ask(call)
            except Unreachable as away:
                log.info("asking again", host=self._site.name, reason=away.what)
                self._wait(_SHORT_PAUSE_SECS)
        self.still_ours()
        return self._site.ask(call)

    def await_host(self, look: Callable[[], T]) -> T:
        """The same for a ``look`` that asks by itself."""
        pause = _SHORT_PAUSE_SECS
        while True:
            self.still_ours()
            try:
                return look()
            except (Unreachable, AuthRefused, HostKeyProblem) as away:
                if self._site.silent_secs > GONE_SECS:
                    raise Vanished("silent") from away
                self._wait(pause)
                pause = min(2 * pause, _PAUSE_SECS)

    def world(self, call: Callable[[], T]) -> T:
        """What forge or database answer in the end."""
        while True:
            self.still_ours()
            try:
                return call()
            except Unavailable as away:
                log.warning("waiting for an answer", task=self._task_id, reason=away.what)
                self._wait(away.retry_after or _PAUSE_SECS)

    def tell(self, say: Callable[[], object]) -> None:
        """Raises Superseded when nobody wants to hear it any more."""
        try:
            self.world(say)
        except Refused as refused:
            if is_over(refused):
                raise Superseded from refused
            raise

    def progress(self, said: reports.Progress) -> None:
        self.tell(lambda: reports.progress(self._fleet, self._agent, self._task_id, self._fence, said))

    def still_ours(self) -> None:
        if self._stopping.is_set():
            raise Leaving
        attempt = self._fleet.read(lambda sql: attempts.get(sql, self._task_id, self._fence))
        if attempt is None or not attempt.active:
            raise Superseded

    def _wait(self, secs: float) -> None:
        if self._stopping.wait(min(secs, _LONGEST_PAUSE_SECS)):
            raise Leaving
