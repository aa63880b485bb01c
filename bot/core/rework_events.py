"""Events of a pull request that goes back to its agent, or to people."""

from dataclasses import dataclass
from typing import ClassVar

from bot.core.event import Event


@dataclass(frozen=True)
class ReworkRequested(Event):
    """The pull request goes back to ``agent``, which made it. ``why`` is review, conflict or checks.

    ``by`` is the last of the reviewers ("" = nobody), ``news_sha256`` the text of exactly what is new. ``reviewed_to``
    is the newest review that it covers, ``reviews`` those whose threads get an answer; ``onto`` is the commit of the
    base branch that has to be merged ("" = none).
    """

    kind: ClassVar[str] = "rework_requested"
    why: str
    by: str
    agent: str
    news_sha256: str
    reviewed_to: int
    reviews: tuple[int, ...] = ()
    onto: str = ""


@dataclass(frozen=True)
class NothingToRework(Event):
    """The agent explained why the pull request stays as it is."""

    kind: ClassVar[str] = "nothing_to_rework"
    fence: int
    explanation: str
    receipt_sha256: str = ""


@dataclass(frozen=True)
class Escalated(Event):
    """A person has to look: ``limit`` (count, time, declined, same) keeps it from going back to the agent.

    ``why`` and the rest are as for a rework.
    """

    kind: ClassVar[str] = "escalated"
    why: str
    limit: str
    news_sha256: str
    reviewed_to: int


@dataclass(frozen=True)
class ReviewsWait(Event):
    """After an escalation more was said that only a retry brings to the agent; the rest is as for a rework."""

    kind: ClassVar[str] = "reviews_wait"
    count: int
    news_sha256: str
    reviewed_to: int


@dataclass(frozen=True)
class ReadinessChanged(Event):
    """``by`` approved the commit ``sha`` and its checks pass; "" = that does not hold any longer.

    ``merges``: the forge is told to merge it.
    """

    kind: ClassVar[str] = "readiness_changed"
    by: str
    sha: str
    merges: bool = False
