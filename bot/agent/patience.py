"""Asking again while the server does not answer."""

import random
import threading
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from bot.core.errors import Unavailable

log = structlog.get_logger(__name__)

_FIRST_SECS: Final = 0.5
_LONGEST_SECS: Final = 60.0
#: A server may ask for more patience than we would have, but not for a day.
_LONGEST_ASKED_SECS: Final = 600.0

T = TypeVar("T")


class GivenUp(Exception):
    """Waiting has no purpose any more: the run, or the whole agent, is being ended."""


class Patience:
    """Repeats a call until it is answered, with growing, jittered pauses, or as long as ``Retry-After`` says.

    ``over`` ends all waiting at once. ``wait`` passes the time (seconds; True when it was cut short).
    """

    def __init__(
        self,
        over: threading.Event,
        *,
        wait: Callable[[float], bool] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._over, self._wait, self._chance = over, wait or over.wait, chance

    def insist(self, call: Callable[[], T], at_most_secs: float | None = None) -> T:
        """The call's answer. Raises GivenUp when ended meanwhile, Unavailable when ``at_most_secs`` were waited in
        vain, and whatever else ``call`` raises.
        """
        waited, failures = 0.0, 0
        while True:
            if self._over.is_set():
                raise GivenUp
            try:
                return call()
            except Unavailable as unavailable:
                pause = self._pause(failures, unavailable.retry_after)
                if at_most_secs is not None and waited + pause > at_most_secs:
                    raise
                log.warning("server does not answer", why=unavailable.what, again_in_secs=round(pause, 1))
                waited, failures = waited + pause, failures + 1
            if self._wait(pause):
                raise GivenUp

    def _pause(self, failures: int, asked: float | None) -> float:
        own = min(_FIRST_SECS * 2.0 ** min(failures, 30), _LONGEST_SECS)
        jittered = own * (0.5 + self._chance() / 2)
        # Everybody is told the same number: jitter comes on top of it, never below.
        return jittered if asked is None else min(asked, _LONGEST_ASKED_SECS) + min(jittered, asked)
