"""Reviews of pull requests with their comments on lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.standin.answers import Refusal
from bot.standin.people import Person, Right
from bot.standin.render import events

if TYPE_CHECKING:
    from bot.standin.pulls import Pull

#: The webhook's event type for each state a review can be submitted with.
EVENT_TYPES = {
    "APPROVED": "pull_request_review_approved",
    "REQUEST_CHANGES": "pull_request_review_rejected",
    "COMMENT": "pull_request_review_comment",
}


@dataclass(eq=False)
class LineComment:
    """A comment on a line of a file's new side."""

    path: str
    line: int
    body: str
    id: int = 0
    by: Person | None = None


@dataclass(eq=False)
class Review:
    """A review, or a request for one (state REQUEST_REVIEW). ``entry_id`` is its place on the timeline."""

    id: int
    by: Person
    state: str
    body: str
    commit_id: str
    submitted: float
    official: bool = True
    dismissed: bool = False
    stale: bool = False
    entry_id: int = 0
    comments: list[LineComment] = field(default_factory=list)

    @property
    def original(self) -> bool:
        """True while it counts for its author."""
        return not self.dismissed


def submit(pull: "Pull", by: Person, state: str, body: str, comments: Sequence[LineComment]) -> Review:
    """Make a review; only a writer's verdict is official, and it dismisses his earlier one."""
    if state not in EVENT_TYPES:
        raise Refusal(422, f"review type '{state}' is not one of APPROVED, REQUEST_CHANGES, COMMENT")
    if by is pull.poster and state != "COMMENT":
        verb = "approve" if state == "APPROVED" else "reject"
        raise Refusal(422, f"{verb} your own pull is not allowed")
    if state != "APPROVED" and not body and not comments:
        raise Refusal(422, "review event REJECT or COMMENT requires body or comments")
    forge = pull.forge
    official = state != "COMMENT" and pull.repo.right_of(by) >= Right.WRITE
    review = Review(forge.next_id("review"), by, state, body, pull.head_sha, forge.now(), official=official)
    _replace_earlier(pull, review)
    for comment in comments:
        comment.id = pull.note("code", by, body=comment.body, review_id=review.id).id
        review.comments.append(comment)
    review.entry_id = pull.note("review", by, body=body, review_id=review.id).id
    pull.reviews.append(review)
    pull.touch()
    _tell(pull, review)
    return review


def answer(pull: "Pull", review: Review, by: Person, path: str, line: int, body: str) -> LineComment:
    """Add a comment on a line to a review that was submitted; no webhook tells of it (15.0, seen)."""
    made = LineComment(path, line, body, by=by)
    made.id = pull.note("code", by, body=body, review_id=review.id).id
    review.comments.append(made)
    pull.touch()
    return made


def _replace_earlier(pull: "Pull", review: Review) -> None:
    """A verdict takes the place of an earlier one by the same person, and of the request for it."""
    if review.state == "COMMENT":
        return
    for old in pull.reviews:
        if old.by is review.by and old.state in ("APPROVED", "REQUEST_CHANGES"):
            old.official = False
            old.dismissed = old.dismissed or old.state == "REQUEST_CHANGES"
    pull.reviews = [old for old in pull.reviews if (old.by, old.state) != (review.by, "REQUEST_REVIEW")]


def _tell(pull: "Pull", review: Review) -> None:
    """The webhook carries neither the review's id nor its line comments, and nobody's right (15.0, seen)."""
    event_type = EVENT_TYPES[review.state]
    payload = events.pull(
        pull,
        "reviewed",
        review.by,
        None,
        reviewer=review.by,
        review={"type": event_type, "content": review.body},
    )
    pull.forge.emit(pull.repo, event_type, payload)
