"""Waking those who wait for a commit: at once within a process, within milliseconds from another one."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

WORK: Final = "work"
INBOX: Final = "inbox"
OUTBOX: Final = "outbox"
NOTICES: Final = "notices"
#: After every commit, whatever it was about; with PostgreSQL, those of other processes that people may want to see.
CHANGED: Final = "changed"
TOPICS: Final = (WORK, INBOX, OUTBOX, NOTICES, CHANGED)


class Wakeups:
    """Counts what happened per topic; waiting is for the count to move on from the one seen before looking."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._counts: dict[str, int] = defaultdict(int)
        self._closed = False

    def count(self, topic: str) -> int:
        with self._changed:
            return self._counts[topic]

    def signal(self, topics: Iterable[str]) -> None:
        with self._changed:
            for topic in topics:
                self._counts[topic] += 1
            self._changed.notify_all()

    def wait(self, topic: str, seen: int, timeout_secs: float) -> bool:
        """Waits until ``topic`` has moved past ``seen``; False after ``timeout_secs`` or at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._counts[topic] != seen or self._closed, timeout_secs)
            return self._counts[topic] != seen

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Wakes everyone for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Watcher(threading.Thread):
    """Watches for commits of other processes and signals every topic after one."""

    def __init__(self, token: Callable[[], object], wakeups: Wakeups, every_secs: float = 0.01) -> None:
        super().__init__(name="store-watcher", daemon=True)
        self._token = token
        self._wakeups = wakeups
        self._every = every_secs
        self._ended = threading.Event()  # `_stop` is the library's own

    def run(self) -> None:
        last = self._token()
        while not self._ended.wait(self._every):
            now = self._token()
            if now != last:
                last = now
                self._wakeups.signal(TOPICS)

    def stop(self) -> None:
        self._ended.set()
        self.join()
