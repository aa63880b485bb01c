"""The attempts this agent works on now, and how each can be stopped from another thread."""

import threading
from collections.abc import Sequence

from bot.agent.client import Claim
from bot.execution.process import Run

#: Why an attempt is stopped; none of these is reported, because the server said so or is told otherwise.
CANCELLED = "cancelled"
SUPERSEDED = "superseded"
HANDED_BACK = "handed_back"


class Attempt:
    """One claimed task while it is worked on."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.over = threading.Event()
        self.stopped_by: str | None = None
        self._lock = threading.Lock()
        self._run: Run | None = None

    def stop(self, why: str) -> None:
        """End what runs; waiting for the server ends too. The first reason counts."""
        with self._lock:
            if self.stopped_by is None:
                self.stopped_by = why
            self.over.set()
            if self._run is not None:
                self._run.stop(self.stopped_by)

    def runs(self, run: Run | None) -> None:
        """From now on ``run`` is what a stop has to end; at once, when one came before."""
        with self._lock:
            self._run = run
            if run is not None and self.stopped_by is not None:
                run.stop(self.stopped_by)


class Attempts:
    """All of them. ``max_concurrency`` at a time."""

    def __init__(self, max_concurrency: int) -> None:
        self._max = max_concurrency
        self._now: dict[tuple[str, int], Attempt] = {}
        self._changed = threading.Condition()

    def add(self, attempt: Attempt) -> None:
        with self._changed:
            self._now[(attempt.claim.task_id, attempt.claim.fence)] = attempt

    def remove(self, attempt: Attempt) -> None:
        with self._changed:
            self._now.pop((attempt.claim.task_id, attempt.claim.fence), None)
            self._changed.notify_all()

    def named(self) -> Sequence[tuple[str, int]]:
        """(task id, fence) of each, for the heartbeat."""
        with self._changed:
            return sorted(self._now)

    def stop(self, task_id: str, fence: int, why: str) -> None:
        """Without effect for one that is over."""
        with self._changed:
            found = self._now.get((task_id, fence))
        if found is not None:
            found.stop(why)

    def stop_all(self, why: str) -> None:
        with self._changed:
            found = list(self._now.values())
        for attempt in found:
            attempt.stop(why)

    def wait_for_a_slot(self, stop: threading.Event) -> bool:
        """Blocks until one more may be added; False when ``stop`` was set (see ``wake``)."""
        with self._changed:
            self._changed.wait_for(lambda: stop.is_set() or len(self._now) < self._max)
            return not stop.is_set()

    def wait_until_none(self, secs: float | None, hurry: threading.Event) -> bool:
        """Blocks until all are over, ``hurry`` is set, or ``secs`` have passed; True when all are over."""
        with self._changed:
            self._changed.wait_for(lambda: hurry.is_set() or not self._now, secs)
            return not self._now

    def wake(self) -> None:
        """Let those who wait look at their events again."""
        with self._changed:
            self._changed.notify_all()
