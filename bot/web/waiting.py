"""Agents that wait for work: how many may, and waking them without a crowd at the database.

One of those who wait stands at the door: it alone is woken by commits, and looks whether more waits than before. Then
it calls the others in, a few at a time, each of whom calls the next. So a commit costs one small read per process,
however many wait, and a task is not looked at by a crowd of which one can have it.
"""

import contextlib
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from bot.service.fleet import Fleet
from bot.store import Sql, claims, classes
from bot.store.wakeups import WORK

T = TypeVar("T")

#: What the classes do not tell (a slot of the agent's own became free) is looked at this often while anything waits,
_LOOK_AGAIN_SECS: Final = 2.0
#: and this often whatever there is: the agent may be gone, or what it has asked for been given to it meanwhile.
_LOOK_ANYWAY_SECS: Final = 10.0
#: Where more wait than this, nobody who fits stays without: one more is no news.
_COUNTED_TO: Final = 1000
#: This many go for the work at once; the others would find it taken.
_AT_ONCE: Final = 4


class _Waiter:
    """``heard``: the edition of the news that it has looked for. ``called``: it is its turn to look.

    ``idle``: it sleeps or stands at the door; else it looks, and will look again for what is news meanwhile.
    """

    def __init__(self) -> None:
        self.turn = threading.Event()
        self.called = False
        self.idle = False
        self.heard = 0


class WaitingRoom:
    """At most ``seats`` callers of this process wait; the threads beyond them stay free for webhooks."""

    def __init__(self, fleet: Fleet, seats: int) -> None:
        self._fleet = fleet
        self._seats = seats
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._guard = threading.Lock()
        self._waiting: dict[_Waiter, None] = {}
        #: Who is still to look for the last news, longest waiting first. While there is somebody, a look is under way.
        self._line: deque[_Waiter] = deque()
        self._called = 0
        self._edition = 0
        self._news_at = 0.0
        self._door: _Waiter | None = None
        self._seen: dict[int, int] = {}
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
        until, me = time.monotonic() + wait_secs, _Waiter()
        with self._guard:
            self._waiting[me] = None
        try:
            while True:
                me.heard = self._edition
                with self._turns:
                    found = look()
                if found is not None:
                    self._seen = {}  # one less waits, and whatever else does may be new
                if found is not None or time.monotonic() >= until:
                    return found
                with self._guard:
                    self._rests(me)
                    self._call(2)
                    me.idle = me.heard == self._edition
                if me.idle:
                    self._wait(me, min(until, time.monotonic() + _LOOK_ANYWAY_SECS))
                if self._closed:
                    return None  # the database may be closed any moment
        finally:
            self._leave(me)

    @property
    def _closed(self) -> bool:
        return self._fleet.store.wakeups.closed

    def _wait(self, me: _Waiter, until: float) -> None:
        """Until it is to look."""
        while not self._closed and time.monotonic() < until:
            with self._guard:
                if self._door is None and me.heard == self._edition:
                    self._door = me
            if self._door is me:
                self._stand_at_the_door(until)
            else:
                me.turn.wait(until - time.monotonic())
            with self._guard:
                if not me.called:
                    me.turn.clear()
                    continue
            if self._still_waits(me):
                break
        with self._guard:
            me.idle = False
            if not me.called:
                self._keep_the_door()  # its own look may take as long as the forge does

    def _stand_at_the_door(self, until: float) -> None:
        wakeups = self._fleet.store.wakeups
        try:
            while not wakeups.closed:
                count = wakeups.count(WORK)
                now = self._fleet.read(_what_waits)
                with self._guard:
                    more = sum(max(0, waiting - self._seen.get(x, 0)) for x, waiting in now.items())
                    self._seen = now
                    if more or (now and time.monotonic() >= self._news_at + _LOOK_AGAIN_SECS):
                        self._tell_all(more)
                        return
                at = time.monotonic()
                if at >= until:
                    return
                again = (self._news_at if now else at) + _LOOK_AGAIN_SECS
                wakeups.wait(WORK, count, min(until, again) - at)
        finally:
            with self._guard:
                self._door = None

    def _still_waits(self, me: _Waiter) -> bool:
        """Asked by one that is called, before it looks. Once all is taken nobody else need look, either."""
        edition = self._edition
        if self._closed or self._fleet.read(claims.anything_waits):
            return True
        with self._guard:
            if edition != self._edition:
                return True
            self._rests(me)
            self._line.clear()
            self._seen = {}
            for one in self._waiting:
                one.heard = edition
            return False

    def _tell_all(self, more: int) -> None:
        """Under the guard, as all below. As many as there are tasks are called now; where they do not fit, others."""
        self._edition += 1
        self._news_at = time.monotonic()
        # Whoever has not looked for the last news, either, comes first: else with much news the last ever would never.
        self._line = deque({**dict.fromkeys(self._line), **self._waiting})
        self._call(max(1, more))

    def _call(self, most: int) -> None:
        while self._line and most and self._called < _AT_ONCE:
            one = self._line.popleft()
            if one in self._waiting and one.heard < self._edition and one.idle and not one.called:
                one.called = True
                one.turn.set()
                self._called += 1
                most -= 1

    def _rests(self, me: _Waiter) -> None:
        self._called -= me.called
        me.called = False
        me.turn.clear()

    def _leave(self, me: _Waiter) -> None:
        with self._guard:
            del self._waiting[me]
            self._rests(me)
            self._call(1)
            if self._closed:
                for one in self._waiting:
                    one.turn.set()
            else:
                self._keep_the_door()

    def _keep_the_door(self) -> None:
        """When nobody is there one of those who sleep goes. Whoever looks comes by itself."""
        if self._door is None:
            sleeping = (one for one in self._waiting if one.idle and one.heard == self._edition)
            for one in itertools.islice(sleeping, 1):
                one.turn.set()


def _what_waits(sql: Sql) -> dict[int, int]:
    return {class_id: waiting for class_id, _, _, waiting in classes.waiting(sql, _COUNTED_TO)}
