"""Waking those who wait for a commit: at once within a process, within milliseconds from another one."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final, Protocol

WORK: Final = "work"
INBOX: Final = "inbox"
OUTBOX: Final = "outbox"
NOTICES: Final = "notices"
#: After every commit, whatever it was about; with PostgreSQL, those of other processes that people may want to see.
CHANGED: Final = "changed"
TOPICS: Final = (WORK, INBOX, OUTBOX, NOTICES, CHANGED)

#: The net under bells that nobody rang.
_LOOK_SECS: Final = 0.25
#: Where there are no bells.
_LOOK_OFTEN_SECS: Final = 0.01
#: Bells are listened to no more often than this, however many commits there are.
_BREATH_SECS: Final = 0.002


class Wakeups:
    """Counts what happened per topic; waiting is for the count to move on from the one seen before looking."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._changed: dict[str, threading.Condition] = defaultdict(lambda: threading.Condition(self._guard))
        self._counts: dict[str, int] = defaultdict(int)
        self._closed = False

    def count(self, topic: str) -> int:
        return self._counts.get(topic, 0)

    def signal(self, topics: Iterable[str]) -> None:
        with self._guard:
            for topic in topics:
                self._counts[topic] += 1
                self._changed[topic].notify_all()

    def wait(self, topic: str, seen: int, timeout_secs: float) -> bool:
        """Waits until ``topic`` has moved past ``seen``; False after ``timeout_secs`` or at the end."""
        with self._guard:
            self._changed[topic].wait_for(lambda: self.count(topic) != seen or self._closed, timeout_secs)
            return self.count(topic) != seen

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Wakes everyone for good."""
        with self._guard:
            self._closed = True
            for changed in self._changed.values():
                changed.notify_all()


class Bell(Protocol):
    """Rung by other processes after their commits."""

    def wait(self, secs: float) -> set[str]:
        """The topics that were rung for, now or within ``secs``."""
        ...

    def wake(self) -> None: ...

    def close(self) -> None: ...


class Watcher(threading.Thread):
    """Listens for the commits of other processes, and looks for those that nobody rang for.

    Without a ``bell`` it looks often.
    """

    def __init__(self, token: Callable[[], object], wakeups: Wakeups, bell: Bell | None) -> None:
        super().__init__(name="store-watcher", daemon=True)
        self._token = token
        self._wakeups = wakeups
        self._bell = bell
        self._every = _LOOK_SECS if bell else _LOOK_OFTEN_SECS
        self._began = threading.Event()
        self._ended = threading.Event()  # `_stop` is the library's own

    def start(self) -> None:
        """Returns once it has looked: of what is committed from then on nothing is missed."""
        super().start()
        self._began.wait()

    def run(self) -> None:
        try:
            last, looked_at = self._token(), time.monotonic()
        finally:
            self._began.set()
        while not self._ended.is_set():
            left = looked_at + self._every - time.monotonic()
            if left > 0:
                self._listen(left)
                continue
            now, looked_at = self._token(), time.monotonic()
            if now != last:
                last = now
                self._wakeups.signal(TOPICS)

    def _listen(self, secs: float) -> None:
        heard = self._bell.wait(secs) if self._bell else set()
        if heard:
            self._wakeups.signal(heard)
            secs = _BREATH_SECS  # what comes meanwhile is heard as one
        if heard or not self._bell:
            self._ended.wait(secs)

    def stop(self) -> None:
        self._ended.set()
        if self._bell:
            self._bell.wake()
        self.join()
        if self._bell:
            self._bell.close()
