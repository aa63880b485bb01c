"""What the bot says and shows in answer to people: one reply per comment, a reaction, and an end to endless talk."""

import hashlib
from dataclasses import dataclass
from typing import Final

from bot.core import command_text, view
from bot.core.facts import Account
from bot.service.fleet import Step
from bot.store import answers, outbox
from bot.store.answers import Answer

#: New comments of ours on one issue within an hour; then silence.
MOST_COMMENTS: Final = 20
_HOUR_SECS: Final = 3600
#: A newer answer of the same kind replaces an older one within this time: an edit notifies nobody.
_SAME_KIND_SECS: Final = 600
#: Nobody reads an answer that comes much later.
GIVE_UP_SECS: Final = 3600


@dataclass(frozen=True)
class Place:
    """Where an answer belongs: to a comment, or (``comment_id`` 0) to the body of an issue or pull request."""

    repo_id: int
    number: int
    comment_id: int
    url: str = ""
    kind: str = "reply"

    @property
    def target(self) -> str:
        return f"{self.kind}:{self.repo_id}#{self.number}:{self.comment_id}"

    @property
    def marker(self) -> str:
        kind = self.kind if self.comment_id else f"{self.kind}-to-body"
        return view.marker(kind, self.repo_id, self.comment_id or self.number)


def reply(step: Step, place: Place, said: str, *, by: Account, kind: str = "", always: bool = False) -> None:
    """Answers once; asked again with another text, the same comment is edited.

    ``kind`` given: an answer of that kind which is not older than ten minutes is brought up to date instead.
    ``always``: also when the bot has fallen silent here.
    """
    earlier = answers.newest(step.sql, place.repo_id, place.number, kind, step.now - _SAME_KIND_SECS)
    if earlier is not None and earlier.target != place.target:
        said = f"{said}\n\n{command_text.asked_again(by.login, step.now, place.url)}"
        _wish(step, place, earlier.target, earlier.marker, said)
    elif always or may_write(step, place.repo_id, place.number, place.target):
        answers.remember(step.sql, place.repo_id, place.number, Answer(place.target, kind, place.marker, step.now))
        _wish(step, place, place.target, place.marker, said)


def react(step: Step, place: Place, content: str) -> None:
    """Puts an emoji where the command stands; a forge that forbids it changes nothing about the command."""
    wish = {
        "repo_id": place.repo_id,
        "issue": place.number,
        "comment_id": place.comment_id,
        "content": content,
    }
    target = f"react:{place.repo_id}#{place.number}:{place.comment_id}"
    outbox.wish(step.sql, target, "react", "", wish, at=step.now)


def may_write(step: Step, repo_id: int, number: int, target: str) -> bool:
    """Whether a new comment may be written here; the one that says why not is written by this."""
    if answers.known(step.sql, target):
        return True
    written = answers.written_since(step.sql, repo_id, number, step.now - _HOUR_SECS)
    if written < MOST_COMMENTS:
        return True
    if written == MOST_COMMENTS:
        reference = reference_of(f"{repo_id}#{number}@{int(step.now)}")
        place = Place(repo_id, number, int(step.now), kind="muted")
        answers.remember(step.sql, repo_id, number, Answer(place.target, "", place.marker, step.now))
        _wish(step, place, place.target, place.marker, command_text.muted(MOST_COMMENTS, reference))
    return False


def count_notice(step: Step, repo_id: int, number: int, target: str, marker: str) -> bool:
    """Whether a comment about a task may be written; it counts like any other."""
    if not may_write(step, repo_id, number, target):
        return False
    answers.remember(step.sql, repo_id, number, Answer(target, "", marker, step.now))
    return True


def add_line(step: Step, target: str, line: str) -> None:
    """One more sentence at the end of a reply that was asked for before."""
    wish = outbox.find(step.sql, target)
    if wish is not None:
        body, marker = str(wish.wish["body"]), str(wish.wish["marker"])
        said = f"{body.removesuffix(marker).rstrip()}\n\n{line}\n\n{marker}"
        outbox.wish(step.sql, target, wish.kind, "", {**wish.wish, "body": said}, at=step.now)


def reference_of(what: str) -> str:
    """Four characters by which an answer is found in the server's log."""
    return hashlib.sha256(what.encode()).hexdigest()[:4]


def _wish(step: Step, place: Place, target: str, marker: str, said: str) -> None:
    wish = {
        "repo_id": place.repo_id,
        "issue": place.number,
        "body": f"{said}\n\n{marker}",
        "marker": marker,
    }
    outbox.wish(step.sql, target, "reply", "", wish, at=step.now)
