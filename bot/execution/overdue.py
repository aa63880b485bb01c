"""Ends what takes too long without a sign of progress, when the call that hangs cannot be given a time limit."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Watched:
    """Something in progress; ``fired`` says that its time ran out."""

    def __init__(self, quiet_secs: float, act: Callable[[], None]) -> None:
        self._quiet_secs, self.act = quiet_secs, act
        self.fired = False
        self.beat()

    def beat(self) -> None:
        """There was progress: the time starts anew."""
        self.deadline = time.monotonic() + self._quiet_secs


class Overdue:
    """One thread for any number of waits; it runs only while there are some."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._watched: set[Watched] = set()
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def watching(self, quiet_secs: float, act: Callable[[], None]) -> Iterator[Watched]:
        """Call ``act`` (once, in another thread) unless ``beat`` is called at least every ``quiet_secs``."""
        watched = Watched(quiet_secs, act)
        with self._changed:
            self._watched.add(watched)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name=f"overdue {self._name}", daemon=True)
                self._thread.start()
            elif watched.deadline <= min(other.deadline for other in self._watched):
                self._changed.notify()
        try:
            yield watched
        finally:
            with self._changed:
                self._watched.discard(watched)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _look(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                late = [watched for watched in self._watched if watched.deadline <= now]
                for watched in late:
                    watched.fired = True
                    self._watched.discard(watched)
                if not late:
                    nearest = min((watched.deadline for watched in self._watched), default=None)
                    self._changed.wait(None if nearest is None else nearest - now)
            for watched in late:
                watched.act()
