"""From what has become of a pull request to what follows: back to its agent, to a person, or nothing. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.core import feedback_text as text
from bot.core import rework
from bot.core.events import Escalated, ReadinessChanged, ReviewsWait, ReworkRequested
from bot.core.facts import CommitCheck, LineComment, Opinion, Review
from bot.core.task import Task

_DAY_SECS: Final = 86_400.0


@dataclass(frozen=True)
class Limits:
    """``max_rework`` for each of the three reasons; ``days`` after the pull request was opened. 0 days = no limit."""

    max_rework: int
    days: float
    auto_merge: bool = False


@dataclass(frozen=True)
class Heard:
    """A review and its comments on lines. ``steers``: by a person with write access, who may send work back."""

    review: Review
    comments: tuple[LineComment, ...]
    steers: bool

    @property
    def asks(self) -> bool:
        """It wants something done; an approval does not, whatever else it says."""
        said = bool(self.review.body.strip() or self.comments)
        return self.steers and not self.review.dismissed and self.review.opinion is not Opinion.APPROVED and said


@dataclass(frozen=True)
class Failed:
    """A red check; ``log`` is the end of its job's log, "" when that is not to be had."""

    check: CommitCheck
    log: str


@dataclass(frozen=True)
class Seen:
    """The pull request as it is now. ``reviews`` are those after the last one told of, oldest first.

    ``failed`` is empty while CI is still at it. ``conflicts`` are the files that cannot be merged with ``onto``, the
    base branch's tip. ``approved_by`` "" unless somebody with write access approves this head, nobody with it asks
    for changes, and every check passes.
    """

    head_sha: str
    base: str
    reviews: Sequence[Heard] = ()
    failed: Sequence[Failed] = ()
    conflicts: Sequence[str] = ()
    onto: str = ""
    approved_by: str = ""
    same_again: bool = False


@dataclass(frozen=True)
class Decision:
    """``news`` is the text behind the event's ``news_sha256``, which the caller fills in."""

    event: ReworkRequested | Escalated | ReviewsWait | ReadinessChanged
    news: str = ""


def decide(task: Task, seen: Seen, limits: Limits, agent: str, now: float) -> Decision | None:
    """What follows for a task in review whose newest result is published; None for nothing."""
    asking = [x for x in seen.reviews if x.asks]
    why = rework.REVIEW if asking else rework.CONFLICT if seen.conflicts else rework.CHECKS if seen.failed else ""
    if not why:
        return _readiness(task, seen, limits)
    reviewed_to = max((x.review.id for x in seen.reviews), default=task.feedback.reviewed_to)
    news = text.news(seen.base, seen.reviews, seen.failed, seen.conflicts)
    limit = _limit(task, seen, why, limits, now)
    if limit:
        if why in task.feedback.escalated:  # a person knows; what is new is kept for the retry that they may ask for
            return Decision(ReviewsWait(len(asking), "", reviewed_to), news) if asking else None
        return Decision(Escalated(why, limit, "", reviewed_to), news)
    event = ReworkRequested(
        why=why,
        by=asking[-1].review.author.login if asking else "",
        agent=agent,
        news_sha256="",
        reviewed_to=reviewed_to,
        reviews=tuple(x.review.id for x in asking if x.comments),
        onto=seen.onto if seen.conflicts else "",
    )
    return Decision(event, news)


def _limit(task: Task, seen: Seen, why: str, limits: Limits, now: float) -> str:
    """Why it does not go back to the agent again, "" when it does."""
    known = task.feedback
    if known.done.count(why) >= limits.max_rework:
        return "count"
    if limits.days and now - known.opened_at > limits.days * _DAY_SECS:
        return "time"
    if why != rework.REVIEW and known.declined == seen.head_sha:
        return "declined"
    return "same" if why != rework.REVIEW and seen.same_again else ""


def _readiness(task: Task, seen: Seen, limits: Limits) -> Decision | None:
    known = task.feedback
    if (known.ready_by, known.ready_sha) == (seen.approved_by, seen.head_sha if seen.approved_by else ""):
        return None
    merges = bool(seen.approved_by) and limits.auto_merge
    return Decision(ReadinessChanged(seen.approved_by, seen.head_sha if seen.approved_by else "", merges))
