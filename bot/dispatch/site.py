"""One configured host: asking it, and what its answers say about whether to trust it with work."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import structlog

from bot.core import host_text as text
from bot.core.breaker import Breaker
from bot.core.errors import Refused
from bot.dispatch.watch import Runs, Watch
from bot.execution.host_errors import AuthRefused, HostBroken, HostKeyProblem, Unreachable
from bot.execution.host_opening import hooks_of, open_host
from bot.execution.hosts import Host
from bot.settings.hosts import HostEntry
from bot.store import hosts

log = structlog.get_logger(__name__)

T = TypeVar("T")

_AT_ONCE_SECS: Final = 1.0


@dataclass(frozen=True)
class Standing:
    """``state`` is one of ``bot.store.hosts``; ``why`` is for people."""

    state: str
    why: str = ""


class HostSite:
    """Threads may share it. Times are seconds of ``clock`` (monotonic)."""

    def __init__(
        self,
        entry: HostEntry,
        open_it: Callable[[], Host],
        stopping: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``open_it`` may raise Refused; it is asked again each time, until it has worked."""
        self.entry, self.name, self.hooks = entry, entry.host_id, hooks_of(entry)
        self.watch = Watch(self._runs, stopping.wait)
        self._open_it, self._clock = open_it, clock
        self._host: Host | None = None
        self._lock = threading.Lock()
        self._breaker = Breaker()
        self._broken = False  # it answers, but cannot do its work: only work that goes well shows that it can again
        self._answers = False
        self._answered_at = clock()
        self._failed_at = -_AT_ONCE_SECS

    def ask(self, call: Callable[[Host], T], *, mends: bool = False) -> T:
        """The answer of ``call``; what goes wrong is remembered. ``mends``: success shows that it can work again."""
        try:
            answer = call(self.host)
        except Unreachable as away:
            self._failed(away.what)
            raise
        except (AuthRefused, HostKeyProblem) as refused:
            self._failed(str(refused), for_good=True)
            raise
        except HostBroken as broken:
            self._heard()
            if broken.is_infrastructure:
                self._failed(str(broken), answers=True)
            raise
        except Refused as refused:  # it cannot even be opened: its user, its key file
            if self._host is None:
                self._failed(str(refused), for_good=True)
            raise
        self._heard(mends=mends)
        return answer

    @property
    def host(self) -> Host:
        """Raises Refused when this user may not run things there."""
        with self._lock:
            if self._host is None:
                self._host = self._open_it()
            return self._host

    @property
    def takes_work(self) -> bool:
        with self._lock:
            return self._answers and self._breaker.allows(self._clock())

    @property
    def in_doubt(self) -> bool:
        """It failed last time: others come first."""
        with self._lock:
            return self._breaker.failures > 0

    @property
    def may_be_asked(self) -> bool:
        with self._lock:
            return self._breaker.allows(self._clock())

    def found_good(self) -> None:
        """Somebody has looked at it and found nothing wrong: it takes work again."""
        self._heard(mends=True)

    def found_wrong(self, why: str) -> None:
        """It answers, but somebody has looked at it and it lacks something: it stays set aside."""
        self._failed(why, for_good=True, answers=True)

    def given_work(self) -> None:
        """One task is on its way; to a host that is being tried again, no other for a while."""
        with self._lock:
            self._breaker = self._breaker.tried(self._clock())

    @property
    def standing(self) -> Standing:
        with self._lock:
            if self._breaker.is_open:
                why = text.quarantined(self.name, self._breaker.failures, self._breaker.why)
                return Standing(hosts.QUARANTINED, why)
            if not self._answers:
                return Standing(hosts.UNREACHABLE, self._breaker.why or text.not_asked_yet(self.name))
            return Standing(hosts.UP)

    @property
    def silent_secs(self) -> float:
        """Since it last answered, or since we began."""
        with self._lock:
            return self._clock() - self._answered_at

    def close(self) -> None:
        with self._lock:
            if self._host is not None:
                self._host.close()

    def _runs(self) -> Runs:
        return {run.run_id: run for run in self.ask(lambda host: host.runs())}

    def _heard(self, *, mends: bool = False) -> None:
        with self._lock:
            self._answers, self._answered_at = True, self._clock()
            if mends or not self._broken:
                if self._breaker.is_open:
                    log.info("host takes work again", host=self.name)
                self._breaker, self._broken = self._breaker.succeeded(), False

    def _failed(self, why: str, *, for_good: bool = False, answers: bool = False) -> None:
        with self._lock:
            now, was_open = self._clock(), self._breaker.is_open
            self._answers, self._broken = answers, answers
            if now - self._failed_at < _AT_ONCE_SECS and not (for_good or answers):
                return  # calls that lose one connection together are one failure
            self._failed_at = now
            self._breaker = self._breaker.failed(now, why, for_good=for_good)
            if self._breaker.is_open and not was_open:
                log.warning("host set aside", host=self.name, failures=self._breaker.failures, reason=why)


def sites_of(entries: list[HostEntry], data_dir: Path, stopping: threading.Event) -> list[HostSite]:
    """A site for each entry of the configuration; none is connected to yet."""
    return [HostSite(entry, lambda e=entry: open_host(e, data_dir), stopping) for entry in entries]  # type: ignore[misc]
