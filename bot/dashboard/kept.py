"""Answers of the forge that count for a while."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """At most ``most`` answers, each for ``secs`` of ``clock``. Of many who want the same at once, one asks."""

    def __init__(self, clock: Callable[[], float], secs: float, most: int) -> None:
        self._clock, self._secs, self._most = clock, secs, most
        self._known: dict[K, tuple[V, float]] = {}
        self._asked: dict[K, Future[V]] = {}
        self._lock = threading.Lock()

    def get(self, key: K, ask: Callable[[], V]) -> V:
        """Raises what ``ask`` raises, which is not kept: all who wait hear of it, whoever comes later asks again."""
        now = self._clock()
        with self._lock:
            if key in self._known:
                value, at = self._known[key]
                if 0 <= now - at < self._secs:
                    return value
            asked = self._asked.get(key)
            mine: Future[V] | None = None if asked else Future()
            if mine:
                self._asked[key] = mine
        if asked:
            return asked.result()
        assert mine is not None  # noqa: S101 - made six lines above
        try:
            value = ask()
        except BaseException as problem:
            self._over(key)
            mine.set_exception(problem)
            raise
        with self._lock:
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[key] = (value, now)
        self._over(key)
        mine.set_result(value)
        return value

    def _over(self, key: K) -> None:
        with self._lock:
            del self._asked[key]
