"""Two questions to the forge at the same time, where neither needs the other's answer."""

import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final, TypeVar

A = TypeVar("A")
B = TypeVar("B")

#: More than loops ask at the same time; whoever finds all of them busy asks one after the other.
_THREADS: Final = 4


class Asking:
    """Threads for it, made when they are first needed; used from any thread but these."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, "asking")

    def at_once(self, aside: Callable[[], A], here: Callable[[], B]) -> tuple[A, B]:
        """Both answers; ``here`` is asked on the caller's thread. Ends when both have ended; raises what one raised."""
        asked = self._threads.submit(contextvars.copy_context().run, aside)
        try:
            found = here()
        except BaseException:
            if not asked.cancel():
                wait([asked])
            raise
        return (aside() if asked.cancel() else asked.result()), found

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
