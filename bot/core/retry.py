"""After an attempt has ended badly: again, when, or never."""

from dataclasses import dataclass
from typing import Final

from bot.core.events import AttemptFailed, AttemptLost, Event, GaveUp
from bot.core.reasons import Reason
from bot.core.task import Task

#: Reasons that another attempt cannot mend.
HOPELESS: Final = frozenset({Reason.PROMPT_INVALID, Reason.POLICY, Reason.UNANSWERED, Reason.BUDGET})


@dataclass(frozen=True)
class RetryPolicy:
    """Seconds and counts from ``[orchestrator]``; ``max_lost_runs`` in a row end a task."""

    backoff_secs: float = 30
    backoff_max_secs: float = 900
    max_lost_runs: int = 3


def backoff(policy: RetryPolicy, failures: int, chance: float) -> float:
    """Seconds to wait after the ``failures``-th failure (from 1): doubling, capped, ± 20 % by ``chance`` in [0, 1)."""
    plain = min(policy.backoff_secs * 2.0 ** min(failures - 1, 30), policy.backoff_max_secs)
    return plain * (0.8 + 0.4 * chance)


def after_failure(task: Task, reason: Reason, message: str, policy: RetryPolicy, now: float, chance: float) -> Event:
    """The event that follows a failed attempt: another one later, or the end."""
    if reason in HOPELESS or task.failures >= task.max_retries:
        return GaveUp(fence=task.fence, reason=reason, message=message)
    retry_at = now + backoff(policy, task.failures + 1, chance)
    return AttemptFailed(fence=task.fence, reason=reason, message=message, retry_at=retry_at)


def after_loss(task: Task, policy: RetryPolicy, silent_secs: int) -> Event:
    """The event that follows a vanished run: the queue again, or after several in a row the end."""
    if task.lost + 1 >= policy.max_lost_runs:
        return GaveUp(fence=task.fence, reason=Reason.LOST, message="")
    return AttemptLost(fence=task.fence, reason=Reason.LOST, silent_secs=silent_secs)
