"""Pages that stay up to date: a stream of server-sent events per open page, and how many of those there may be.

A stream holds a thread as long as it is open, so a process has seats for some of them only. Whoever finds none gets
what is new and is asked to come again in some seconds: for a page the two differ only in how soon it knows. Whether
its person may still look is asked before every look, and every stream ends after a minute to be opened again.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from flask import Response, request

from bot.core.errors import Unavailable
from bot.store import Store
from bot.store.wakeups import CHANGED

#: One stream's life.
LIFE_SECS: Final = 60.0
#: Between two looks of one stream: the database changes far more often than a person can read.
_BETWEEN_SECS: Final = 0.5
#: A sign that the connection stands, also for proxies that end silent ones.
_SIGN_SECS: Final = 15.0
#: When the browser comes again: after the end of a stream, and where there was no seat.
_AGAIN_MS: Final = 500
_NO_SEAT_MS: Final = 10_000
_LONGEST_ID: Final = 512
_NEVER: Final = "never"


@dataclass(frozen=True)
class Message:
    """``data`` is one line; ``id`` "" leaves the browser's as it is."""

    event: str
    data: str
    id: str = ""

    def __str__(self) -> str:
        named = f"id: {self.id}\n" if self.id else ""
        return f"{named}event: {self.event}\ndata: {self.data}\n\n"


#: What is new since the id that the browser has ("" = none), and the id that it has then.
Look = Callable[[str], tuple[list[Message], str]]


def seats(threads: int) -> int:
    """How many of a process's threads may be taken by streams."""
    return max(1, threads // 8)


class Streams:
    """At most ``seats`` streams of this process stay open, and half of them for one person (all who are not signed in
    count as one): nobody alone makes everybody else wait.
    """

    def __init__(self, store: Store, seats: int) -> None:
        self._store = store
        self._seats = seats
        self._own = max(1, seats // 2)
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def answer(self, who: str, look: Look, allowed: Callable[[], bool]) -> Response:
        """The present request's stream, going on after what its browser has seen, for as long as it is ``allowed``."""
        last = (request.headers.get("Last-Event-ID") or request.args.get("last", ""))[:_LONGEST_ID]
        response = Response(self._flow(who, look, allowed, last), mimetype="text/event-stream")
        response.headers["X-Accel-Buffering"] = "no"  # nginx hands on each event at once
        return response

    def _flow(self, who: str, look: Look, allowed: Callable[[], bool], last: str) -> Iterator[str]:
        wakeups, until = self._store.wakeups, time.monotonic() + LIFE_SECS
        with self._seat(who) as seated:
            yield f"retry: {_AGAIN_MS if seated else _NO_SEAT_MS}\n\n"
            while not wakeups.closed:
                edition = wakeups.count(CHANGED)
                try:
                    if not allowed():
                        return
                    news, last = look(last)
                except Unavailable:  # of rights nothing is certain; the browser comes again, and is told what is wrong
                    return
                yield from (str(one) for one in news)
                if not seated or time.monotonic() > until:
                    return
                if not wakeups.wait(CHANGED, edition, _SIGN_SECS):
                    yield ":\n\n"
                wakeups.wait(_NEVER, 0, _BETWEEN_SECS)

    @contextlib.contextmanager
    def _seat(self, who: str) -> Iterator[bool]:
        with self._lock:
            got = self._taken.total() < self._seats and self._taken[who] < self._own
            self._taken[who] += got
        try:
            yield got
        finally:
            with self._lock:
                self._taken[who] -= got
                self._taken += Counter()  # whoever has none left is forgotten
