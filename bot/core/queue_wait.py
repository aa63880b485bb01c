"""How long a place in the queue will probably take, from how long work has taken lately."""

import math
import statistics
from collections.abc import Sequence


def expected_secs(place: int, slots: int, free: int, run_secs: Sequence[float]) -> float | None:
    """Seconds until the task in ``place`` (1 = next) starts; None when nothing is known or nobody can take it.

    ``slots`` are those of the agents that fit, ``free`` the ones of them with nothing to do. As if every run took the
    median of ``run_secs`` and those that run now were on average half over.
    """
    if slots <= 0:
        return None
    behind = place - free
    if behind <= 0:
        return 0.0
    if not run_secs:
        return None
    median = statistics.median(run_secs)
    rounds = math.ceil(behind / slots)
    return max(1.0, median * (rounds - 0.5))  # 0 means now
