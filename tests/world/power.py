"""Pulling the plug: the process dies at any point where something becomes lasting, here or on the forge."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

from tests.world import databases

T = TypeVar("T")


class PowerCut(BaseException):
    """The process is gone; nothing after this point runs."""


def cuts(points: int, share: int, shares: int, *, after: int = 0, thin: int = 1) -> range:
    """At which of a story's points to cut the power, in one of several shares.

    Points come in pairs, before and after a deed: after one and before the next is the same moment, so every second
    one is all of them (POWER_CUTS=all, as CI runs them); otherwise an eighth of those. `after` leaves a story's
    beginning out, which another story cuts already; of a long one only one in `thin` of these points is taken;
    on PostgreSQL, where the same steps are only slower, a quarter.
    """
    thin *= 1 if databases.engine.get() == "sqlite" else 4
    step = (2 if os.environ.get("POWER_CUTS") == "all" else 16) * thin
    return range(after + 1 + step * share, points + 1, step * shares)


class Power:
    """Counts the points passed; at the one that was chosen the power is cut until it comes back."""

    def __init__(self) -> None:
        self.passed = 0
        self.cut_at = 0
        self.is_cut = False

    def point(self) -> None:
        if self.is_cut:
            raise PowerCut
        self.passed += 1
        if self.passed == self.cut_at:
            self.is_cut = True
            raise PowerCut

    def comes_back(self) -> None:
        self.is_cut = False
        self.cut_at = 0

    def around(self, deed: Callable[..., T]) -> Callable[..., T]:
        """``deed`` with a point before it and one after it."""

        def guarded(*args: Any, **options: Any) -> T:
            self.point()
            result = deed(*args, **options)
            self.point()
            return result

        return guarded
