"""How far a task's pull request has come: sent back how often and why, told to people, ready to merge."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.core import events as e
from bot.core.events import Event

REVIEW: Final = "review"
CONFLICT: Final = "conflict"
CHECKS: Final = "checks"


@dataclass(frozen=True)
class Feedback:
    """Part of a task. ``working_on`` is why the present attempt reworks the pull request, "" when it does not.

    ``done`` are the reasons of all reworks since a person last asked, ``escalated`` those that were handed to people.
    ``reviewed_to`` is the newest review that an agent or a person has been told of. ``published`` is the fence whose
    result the pull request shows, ``opened_at`` when it was opened; ``declined`` the head that the agent left as it
    is; ``onto`` the commit of the base branch that the present attempt has to merge. ``waiting`` is how many reviews
    nobody but a retry brings to the agent.
    """

    working_on: str = ""
    done: tuple[str, ...] = ()
    escalated: tuple[str, ...] = ()
    reviewed_to: int = 0
    published: int = 0
    opened_at: float = 0.0
    declined: str = ""
    onto: str = ""
    ready_by: str = ""
    ready_sha: str = ""
    merges: bool = False
    waiting: int = 0

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Feedback":
        """From the task's JSON, which leaves out what has its default value."""
        return cls(**{**said, "done": tuple(said.get("done", ())), "escalated": tuple(said.get("escalated", ()))})


NONE: Final = Feedback()


def _with(before: Feedback, **changes: Any) -> Feedback:
    """As ``dataclasses.replace``, which would set all of its fields one by one."""
    after = object.__new__(Feedback)
    vars(after).update(vars(before))
    vars(after).update(changes)
    return after


def after(before: Feedback, event: Event, at: float, *, fence: int, head_sha: str) -> Feedback:
    """What ``event`` changes; ``fence`` and ``head_sha`` are the task's before it."""
    match event:
        case e.PullRequestOpened():
            return _with(before, published=fence, opened_at=before.opened_at or at)
        case e.ReworkRequested():
            return _with(
                before,
                working_on=event.why,
                done=(*before.done, event.why),
                reviewed_to=event.reviewed_to,
                onto=event.onto,
                **_NOT_READY,
            )
        case e.ResultAccepted():
            return _with(before, working_on="", onto="", declined="", waiting=0, **_NOT_READY)
        case e.NothingToRework():
            return _with(before, working_on="", onto="", declined=head_sha, published=fence)
        case e.PullRequestReopened():
            return _with(before, working_on="", onto="", published=fence, **_NOT_READY)
        case e.Escalated():
            return _with(before, escalated=(*before.escalated, event.why), reviewed_to=event.reviewed_to)
        case e.ReviewsWait():
            return _with(before, waiting=before.waiting + event.count, reviewed_to=event.reviewed_to)
        case e.ReadinessChanged():
            return _with(before, ready_by=event.by, ready_sha=event.sha, merges=event.merges)
        case e.RetryRequested():
            kept = Feedback() if event.fresh else _with(before, done=(), escalated=(), opened_at=at, declined="")
            return _with(kept, working_on="", onto="", waiting=0, **_NOT_READY)
        case _:
            return before


_NOT_READY: Final[Mapping[str, Any]] = {"ready_by": "", "ready_sha": "", "merges": False}
