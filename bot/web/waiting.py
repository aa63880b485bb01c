"""Agents that wait for work: how many may, and waking them without a crowd at the database.

One of those who wait stands at the door: it alone is woken by commits, looks whether the waiting classes have
changed, and only then wakes the others. So a commit costs one small read per process, however many wait.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from bot.service.fleet import Fleet
from bot.store import Sql, classes
from bot.store.wakeups import WORK

T = TypeVar("T")

#: What the classes do not tell (a slot of the agent's own became free) is looked at this often.
_LOOK_AGAIN_SECS: Final = 2.0
#: Where more wait than this, nobody who fits stays without: one more is no news.
_COUNTED_TO: Final = 1000
#: This many go for the work at once; the others would find it taken.
_AT_ONCE: Final = 4


class WaitingRoom:
    """At most ``seats`` callers of this process wait; the threads beyond them stay free for webhooks."""

    def __init__(self, fleet: Fleet, seats: int) -> None:
        self._fleet = fleet
        self._seats = seats
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._news = threading.Condition()
        self._edition = 0
        self._at_the_door = False
        self._seen: object = None
        self._counted = threading.Lock()
        self._seated = 0

    @property
    def seated(self) -> int:
        """How many wait now."""
        return self._seated

    @contextlib.contextmanager
    def seat(self) -> Iterator[bool]:
        """True within the block when there was a seat left."""
        with self._counted:
            got = self._seated < self._seats
            self._seated += got
        try:
            yield got
        finally:
            with self._counted:
                self._seated -= got

    def wait_for(self, look: Callable[[], T | None], wait_secs: float) -> T | None:
        """What ``look`` finds, now or within ``wait_secs``; None then, and as soon as the server stops."""
        until = time.monotonic() + wait_secs
        while True:
            edition = self._edition
            with self._turns:
                found = look()
            left = until - time.monotonic()
            if found is not None or left <= 0 or self._closed:
                return found
            self._wait(edition, min(left, _LOOK_AGAIN_SECS))

    @property
    def _closed(self) -> bool:
        return self._fleet.store.wakeups.closed

    def _wait(self, edition: int, secs: float) -> None:
        """Until there is another edition than ``edition``, or ``secs`` are over."""
        until = time.monotonic() + secs
        with self._news:
            while self._edition == edition and not self._closed and time.monotonic() < until:
                if not self._at_the_door:
                    self._at_the_door = True
                    break
                self._news.wait(until - time.monotonic())
            else:
                return
        try:
            self._stand_at_the_door(edition, until)
        finally:
            with self._news:
                self._at_the_door = False
                self._news.notify_all()

    def _stand_at_the_door(self, edition: int, until: float) -> None:
        wakeups = self._fleet.store.wakeups
        while self._edition == edition and not wakeups.closed:
            count = wakeups.count(WORK)
            now = self._fleet.read(_what_waits)
            with self._news:
                if now != self._seen:
                    self._seen = now
                    self._edition += 1
                    return
            left = until - time.monotonic()
            if left <= 0:
                return
            wakeups.wait(WORK, count, left)


def _what_waits(sql: Sql) -> object:
    return [(class_id, waiting) for class_id, _, _, waiting in classes.waiting(sql, _COUNTED_TO)]
