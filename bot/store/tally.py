"""Counting what happens outside of transactions, such as calls that are refused: summed up, then written together.

Nobody outside can make us write more often than once in a second and process.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import structlog

from bot.core.errors import Unavailable
from bot.store import counters
from bot.store.dialect import Sql

log = structlog.get_logger(__name__)

_EVERY_SECS: Final = 1.0


class Tally:
    """``write`` runs a command in a transaction, as the store does."""

    def __init__(self, write: Callable[[Callable[[Sql], Any]], Any]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._counted: Counter[tuple[str, ...]] = Counter()
        self._flushed_at = -_EVERY_SECS
        self._timer: threading.Timer | None = None
        self._closed = False

    def add(self, name: str, *labels: str) -> None:
        """One more; written at once, or within a second when there was one just now."""
        with self._lock:
            self._counted[name, *labels] += 1
            left = self._flushed_at + _EVERY_SECS - time.monotonic()
            if left > 0:
                if self._timer is None and not self._closed:
                    self._timer = threading.Timer(left, self.flush)
                    self._timer.daemon = True
                    self._timer.start()
                return
        self.flush()

    def flush(self) -> None:
        """Writes what was counted; what cannot be written now is kept for the next time."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
            self._flushed_at, self._timer = time.monotonic(), None
        if not counted:
            return

        def command(sql: Sql) -> None:
            for (name, *labels), by in counted.items():
                counters.add(sql, name, *labels, by=by)

        try:
            self._write(command)
        except Unavailable as problem:
            log.warning("counters are written later", reason=str(problem))
            with self._lock:
                self._counted += counted

    def close(self) -> None:
        with self._lock:
            self._closed, timer = True, self._timer
        if timer is not None:
            timer.cancel()
        self.flush()
