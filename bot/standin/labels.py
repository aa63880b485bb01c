"""Labels of a repository, and putting them on issues with Forgejo's rules about exclusive ones."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.standin.answers import Refusal

if TYPE_CHECKING:
    from bot.standin.issues import Issue
    from bot.standin.people import Person
    from bot.standin.repositories import Repository

_COLOR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


@dataclass(eq=False)
class Label:
    """A label; its name need not be unique. ``color`` has no ``#``."""

    id: int
    name: str
    color: str = "ededed"
    description: str = ""
    exclusive: bool = False
    is_archived: bool = False

    @property
    def scope(self) -> str:
        """What an exclusive label is exclusive in: the text before the last ``/``, "" when nothing."""
        head, slash, tail = self.name.rpartition("/")
        return head if self.exclusive and slash and head and tail else ""


def color(text: str) -> str:
    """``text`` as Forgejo stores a colour, or its refusal."""
    marked = text if text.startswith("#") else f"#{text}"
    if not _COLOR.fullmatch(marked):
        raise Refusal(422, f"bad color code: {marked}")
    short = marked[1:].lower()
    return "".join(char * 2 for char in short) if len(short) == 3 else short


def known(repo: "Repository", given: Iterable[int | str]) -> list[Label]:
    """The labels that names or ids stand for: all of one name, and nothing for unknown ones."""
    wanted = list(given)
    if len({type(item) for item in wanted}) > 1 or any(isinstance(item, bool) for item in wanted):
        raise Refusal(400, "labels should be an array of strings or integers")
    org = repo.forge.organizations.get(repo.owner.login.lower())
    there = [*repo.labels, *(org.labels if org else ())]
    return [label for label in there if label.name in wanted or label.id in wanted]


def add(issue: "Issue", by: "Person", labels: Sequence[Label]) -> None:
    """Add; each label new here first takes away others of its exclusive scope. A no-op is told too."""
    for label in labels:
        _put_on(issue, by, label)
    issue.touch()
    issue.tell_labels("label_updated", by)


def replace(issue: "Issue", by: "Person", labels: Sequence[Label]) -> None:
    """Make these the labels of the issue."""
    for label in [old for old in issue.labels if old not in labels]:
        _take_off(issue, by, label)
    for label in labels:
        _put_on(issue, by, label)
    issue.touch()
    issue.tell_labels("label_updated", by)


def remove(issue: "Issue", by: "Person", identifier: str) -> Label:
    """Take one off, by name first, then by id; one that exists but is absent here is no error."""
    repo = issue.repo
    found = [label for label in repo.labels if label.name == identifier]
    if not found and identifier.isdigit():
        found = [label for label in repo.labels if label.id == int(identifier)]
    if not found:
        raise Refusal(422, f"label does not exist [label_id: 0, repo_id: {repo.id}]")
    _take_off(issue, by, found[0])
    issue.touch()
    issue.tell_labels("label_updated", by)
    return found[0]


def clear(issue: "Issue", by: "Person") -> None:
    """Take all off; the webhook still carries the old list (`services/issue/label.go`, 15.0, seen)."""
    before = list(issue.labels)
    for label in before:
        _take_off(issue, by, label)
    issue.touch()
    issue.tell_labels("label_cleared", by, stale=before)


def _put_on(issue: "Issue", by: "Person", label: Label) -> None:
    if label in issue.labels:
        return
    if label.scope:
        for other in [old for old in issue.labels if old.scope == label.scope]:
            _take_off(issue, by, other)
    issue.labels.append(label)
    issue.note("label", by, body="1", label=label)


def _take_off(issue: "Issue", by: "Person", label: Label) -> None:
    if label in issue.labels:
        issue.labels.remove(label)
        issue.note("label", by, label=label)
