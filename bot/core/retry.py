"""After an attempt has ended badly: again, when, by whom, or never. One rule per reason, in one table."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.core import retry_text as text
from bot.core.events import AttemptFailed, AttemptLost, Event, GaveUp, RetryRequested, ReworkRequested
from bot.core.named_times import named_time
from bot.core.reasons import Reason
from bot.core.task import Task


class When(StrEnum):
    """``NAMED``: at the time the provider named, else after a back-off."""

    NOW = "now"
    BACKOFF = "backoff"
    NAMED = "named"
    NEVER = "never"


class Whom(StrEnum):
    """``SAME``: with the session where there is one. ``AFRESH``: without it. ``OTHER``: another agent, if one fits."""

    SAME = "same"
    AFRESH = "afresh"
    OTHER = "other"


@dataclass(frozen=True)
class Rule:
    """``counts``: it costs one of the task's retries. What does not is nobody's fault there, and is counted apart."""

    when: When
    whom: Whom
    counts: bool


_NEVER: Final = Rule(When.NEVER, Whom.SAME, counts=True)
RULES: Final[Mapping[Reason, Rule]] = {
    Reason.AUTH: Rule(When.BACKOFF, Whom.OTHER, counts=False),
    Reason.RATE_LIMITED: Rule(When.NAMED, Whom.SAME, counts=False),
    Reason.QUOTA_UNTIL: Rule(When.NAMED, Whom.OTHER, counts=False),
    Reason.MODEL_ERROR: Rule(When.BACKOFF, Whom.SAME, counts=False),
    Reason.TIMEOUT: Rule(When.BACKOFF, Whom.SAME, counts=True),
    Reason.STALLED: Rule(When.BACKOFF, Whom.AFRESH, counts=True),
    Reason.CRASHED: Rule(When.BACKOFF, Whom.AFRESH, counts=True),
    Reason.KILLED: Rule(When.BACKOFF, Whom.OTHER, counts=False),
    Reason.LOST: Rule(When.NOW, Whom.AFRESH, counts=False),
    Reason.EMPTY_OUTPUT: Rule(When.BACKOFF, Whom.AFRESH, counts=True),
    Reason.CHECKS_FAILED: Rule(When.BACKOFF, Whom.SAME, counts=True),
    Reason.CONFLICT: Rule(When.BACKOFF, Whom.SAME, counts=True),
    Reason.POLICY: _NEVER,
    Reason.REJECTED_RECEIPT: Rule(When.BACKOFF, Whom.SAME, counts=True),
    Reason.PROMPT_INVALID: _NEVER,
    Reason.INFRASTRUCTURE: Rule(When.BACKOFF, Whom.OTHER, counts=False),
    Reason.UNANSWERED: _NEVER,
    Reason.BUDGET: _NEVER,
    Reason.HANDED_BACK: Rule(When.BACKOFF, Whom.OTHER, counts=True),  # only after too many in a row
    Reason.AGENT_FAILED: Rule(When.BACKOFF, Whom.SAME, counts=True),
}
#: Reasons that another attempt cannot mend.
HOPELESS: Final = frozenset(reason for reason, rule in RULES.items() if rule.when is When.NEVER)
#: Reasons whose message tells one failure from another.
_TELLING: Final = frozenset(
    {Reason.AGENT_FAILED, Reason.CHECKS_FAILED, Reason.CRASHED, Reason.CONFLICT, Reason.REJECTED_RECEIPT}
)
_CHANCE: Final = re.compile(
    r"0x[0-9a-f]+|\b[0-9a-f]{7,40}\b|\b[0-9]+:[0-9]{2}(?::[0-9]{2})?\b|\b[0-9]+(?:\.[0-9]+)? ?m?s\b|/tmp/\S+"
)


@dataclass(frozen=True)
class RetryPolicy:
    """Seconds and counts from ``[orchestrator]``; ``max_lost_runs`` in a row end a task, ``max_others`` failures that
    were not its fault do since it was last asked for.
    """

    backoff_secs: float = 30
    backoff_max_secs: float = 900
    max_lost_runs: int = 3
    max_others: int = 5


def backoff(policy: RetryPolicy, failures: int, chance: float) -> float:
    """Seconds to wait after the ``failures``-th failure (from 1): doubling, capped, ± 20 % by ``chance`` in [0, 1)."""
    plain = min(policy.backoff_secs * 2.0 ** min(failures - 1, 30), policy.backoff_max_secs)
    return plain * (0.8 + 0.4 * chance)


def after_failure(
    task: Task, reason: Reason, message: str, policy: RetryPolicy, now: float, chance: float, *, stuck: bool = False
) -> Event:
    """The event that follows a failed attempt: another one later, or the end.

    ``stuck``: the attempt before ended the same way, so a third would, too.
    """
    rule = RULES[reason]
    spent = task.failures >= task.max_retries if rule.counts else task.others >= policy.max_others
    if rule.when is When.NEVER or spent:
        return GaveUp(fence=task.fence, reason=reason, message=message)
    if stuck and rule.counts:
        return GaveUp(fence=task.fence, reason=reason, message=text.no_progress(message))
    wait = 0.0 if rule.when is When.NOW else backoff(policy, task.failures + task.others + 1, chance)
    named = named_time(message, now) if rule.when is When.NAMED else 0.0
    retry_at = max(now + wait, named + wait if named else 0.0)
    return AttemptFailed(fence=task.fence, reason=reason, message=message, retry_at=retry_at, counts=rule.counts)


def after_loss(task: Task, policy: RetryPolicy, silent_secs: int) -> Event:
    """The event that follows a vanished run: the queue again, or after several in a row the end."""
    if task.lost + 1 >= policy.max_lost_runs:
        return GaveUp(fence=task.fence, reason=Reason.LOST, message="")
    return AttemptLost(fence=task.fence, reason=Reason.LOST, silent_secs=silent_secs)


def same_error(reason: Reason, message: str, history: Sequence[Event]) -> bool:
    """Whether the last failed attempt since somebody asked ended with the same reason and, but for numbers that are
    different each time, the same words.
    """
    for event in reversed(history):
        match event:
            case RetryRequested() | ReworkRequested():
                return False
            case AttemptFailed():
                telling = reason in _TELLING and bool(message.strip())
                return telling and (event.reason, _normal(event.message)) == (reason, _normal(message))
            case _:
                continue
    return False


def _normal(message: str) -> str:
    return " ".join(_CHANCE.sub("#", message.lower()).split())
