"""Looking at what runs on a host: one look serves everyone who waits for news of a run there."""

import threading
from collections.abc import Callable, Mapping
from typing import Final

from bot.execution.hosts import SeenRun

#: Seconds between two looks.
EVERY_SECS: Final = 0.25
_SLOWEST_SECS: Final = 1.0

Runs = Mapping[str, SeenRun]


class Watch:
    """``look`` asks the host for all its runs; ``wait`` passes the time between two looks."""

    def __init__(self, look: Callable[[], Runs], wait: Callable[[float], object]) -> None:
        self._look, self._wait = look, wait
        self._changed = threading.Condition()
        self._number = 0
        self._runs: Runs = {}
        self._looking = False
        self._pause = EVERY_SECS

    def next(self, seen: int) -> tuple[int, Runs]:
        """The first look after number ``seen`` (0: any), and its number. Raises what ``look`` raised, to who looked."""
        with self._changed:
            while self._looking and self._number <= seen:
                self._changed.wait()
            if self._number > seen:
                return self._number, self._runs
            self._looking = True
        try:
            if seen:
                self._wait(self._pause)
            runs = self._look()
        except BaseException:
            with self._changed:
                self._looking = False
                self._changed.notify_all()
            raise
        with self._changed:
            self._pause = EVERY_SECS if runs != self._runs else min(_SLOWEST_SECS, self._pause * 1.5)
            self._number, self._runs, self._looking = self._number + 1, runs, False
            self._changed.notify_all()
            return self._number, runs
