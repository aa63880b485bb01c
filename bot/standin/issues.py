"""Issues: what is written on them, what happened to them, and the webhooks that tell of it."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from bot.standin import labels as labelling
from bot.standin.answers import Json, Refusal, nothing_to_say
from bot.standin.labels import Label
from bot.standin.locking import locked
from bot.standin.people import Person, Right
from bot.standin.references import register_references
from bot.standin.render import events

if TYPE_CHECKING:
    from bot.standin.forge import Standin
    from bot.standin.pulls import Pull
    from bot.standin.repositories import Repository

#: `[ui] REACTIONS` by default.
REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")

#: `[attachment] ALLOWED_TYPES` by default, as `GET /settings/attachment` gives it.
ATTACHMENT_TYPES = (
    ".avif,.cpuprofile,.csv,.dmp,.docx,.fodg,.fodp,.fods,.fodt,.gif,.gz,.jpeg,.jpg,.json,.jsonc,.log,.md,.mov,"
    ".mp4,.odf,.odg,.odp,.ods,.odt,.patch,.pdf,.png,.pptx,.svg,.tgz,.txt,.webm,.webp,.xls,.xlsx,.zip"
)


@dataclass(eq=False)
class Reaction:
    """One person's emoji."""

    by: Person
    content: str
    created: float


@dataclass(eq=False)
class Attachment:
    """A file at an issue or a comment."""

    id: int
    name: str
    content: bytes
    created: float
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(eq=False)
class TrackedTime:
    """Time that somebody says they spent; ``created`` is when, as they say it."""

    issue: "Issue"
    id: int
    by: Person
    secs: int
    created: float


@dataclass(eq=False)
class Entry:
    """One line of the timeline. ``kind`` is Forgejo's type name; a comment is the kind "comment"."""

    issue: "Issue"
    id: int
    kind: str
    by: Person
    created: float
    updated: float
    body: str = ""
    label: Label | None = None
    assignee: Person | None = None
    removed_assignee: bool = False
    ref_issue: "Issue | None" = None
    ref_action: str = "none"
    ref_commit_sha: str = ""
    dependent_issue: "Issue | None" = None
    old_title: str = ""
    new_title: str = ""
    old_ref: str = ""
    review_id: int = 0
    reactions: list[Reaction] = field(default_factory=list)
    assets: list[Attachment] = field(default_factory=list)

    @property
    def forge(self) -> "Standin":
        return self.issue.forge

    @locked
    def edit(self, by: Person, body: str) -> None:
        """Write another text: its author or a writer; told even when the text stays the same."""
        if by is not self.by:
            self.issue.needs(by, Right.WRITE)
        before, self.body = self.body, body
        self.updated = self.forge.now()
        self.issue.touch()
        self.issue.tell_comment("edited", self, by, changes={"body": {"from": before}})

    @locked
    def delete(self, by: Person) -> None:
        """Take it away: its author or a writer."""
        if by is not self.by:
            self.issue.needs(by, Right.WRITE)
        self.issue.entries.remove(self)
        self.issue.touch()
        self.issue.tell_comment("deleted", self, by)

    @locked
    def attach(self, by: Person, name: str, content: bytes) -> Attachment:
        """Put a file at the comment; Forgejo tells of it as an edit."""
        made = self.issue.new_attachment(name, content)
        self.assets.append(made)
        self.issue.tell_comment("edited", self, by, changes={"body": {"from": self.body}})
        return made


def react(reactions: list[Reaction], by: Person, content: str, now: float) -> tuple[Reaction, bool]:
    """Add a reaction once; the flag says whether it is new. No webhook tells of it."""
    if content not in REACTIONS:
        raise Refusal(403, f"'{content}' is not an allowed reaction")
    for old in reactions:
        if old.by is by and old.content == content:
            return old, False
    made = Reaction(by, content, now)
    reactions.append(made)
    return made, True


@dataclass(eq=False)
class Issue:
    """An issue, or the issue side of a pull request. ``id`` is the forge's, ``number`` the repository's."""

    repo: "Repository"
    id: int
    number: int
    poster: Person
    title: str
    body: str
    created: float
    updated: float
    state: str = "open"
    closed: float | None = None
    is_locked: bool = False
    labels: list[Label] = field(default_factory=list)
    assignees: list[Person] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    assets: list[Attachment] = field(default_factory=list)
    blocked_by: list["Issue"] = field(default_factory=list)
    times: list[TrackedTime] = field(default_factory=list)

    @property
    def forge(self) -> "Standin":
        return self.repo.forge

    @property
    def as_pull(self) -> "Pull | None":
        """Itself when it is a pull request."""
        return None

    @property
    def is_pull(self) -> bool:
        """True for pull requests."""
        return self.as_pull is not None

    @property
    def comments(self) -> list[Entry]:
        """What people wrote, oldest first."""
        return [entry for entry in self.entries if entry.kind == "comment"]

    @property
    def label_names(self) -> list[str]:
        """Names of the labels it carries now, sorted."""
        return sorted(label.name for label in self.labels)

    def needs(self, by: Person, right: Right) -> None:
        """Raise Forgejo's bare 403 when ``by`` may do less than ``right`` here."""
        if self.repo.right_of(by) < right:
            raise nothing_to_say(403)

    def touch(self) -> None:
        """Bump `updated_at`, by which lists with `since` find it."""
        self.updated = self.forge.now()

    def note(self, kind: str, by: Person, **facts: Json) -> Entry:
        """Put a line on the timeline."""
        now = self.forge.now()
        made = Entry(self, self.forge.next_id("comment"), kind, by, now, now, **facts)
        self.entries.append(made)
        return made

    @locked
    def add_label(self, by: Person, *names: str | int) -> None:
        """Add labels by name (or id): one call, one webhook; unknown ones are ignored."""
        self.needs(by, Right.WRITE)
        labelling.add(self, by, labelling.known(self.repo, names))

    @locked
    def replace_labels(self, by: Person, *names: str | int) -> None:
        """Make these the only labels."""
        self.needs(by, Right.WRITE)
        labelling.replace(self, by, labelling.known(self.repo, names))

    @locked
    def remove_label(self, by: Person, identifier: str | int) -> Label:
        """Take one label off; returns it, also when it was absent here."""
        self.needs(by, Right.WRITE)
        return labelling.remove(self, by, str(identifier))

    @locked
    def clear_labels(self, by: Person) -> None:
        """Take all labels off."""
        self.needs(by, Right.WRITE)
        labelling.clear(self, by)

    @locked
    def track_time(self, by: Person, secs: int, created: str = "") -> TrackedTime:
        """An entry of its own each time; no webhook tells of it."""
        at = datetime.fromisoformat(created).timestamp() if created else self.forge.now()
        made = TrackedTime(self, self.forge.next_id("time"), by, secs, at)
        self.times.append(made)
        self.note("add_time_manual", by, body=f"|{secs}")
        return made

    @locked
    def comment(self, by: Person, body: str) -> Entry:
        """Write a comment: whoever may read, unless the issue is locked (then writers)."""
        if self.is_locked and self.repo.right_of(by) < Right.WRITE:
            raise Refusal(403, "You cannot comment on a locked issue.")
        made = self.note("comment", by, body=body)
        self.touch()
        register_references(self, by, made.body, "comment_ref")
        self.tell_comment("created", made, by)
        return made

    @locked
    def edit(
        self,
        by: Person,
        *,
        title: str | None = None,
        body: str | None = None,
        assignees: Sequence[str] | None = None,
    ) -> None:
        """Change texts (poster or writer; one webhook each) and assignees (writer)."""
        if by is not self.poster or assignees is not None:
            self.needs(by, Right.WRITE)
        if title is not None and title != self.title:
            before, self.title = self.title, title
            self.note("change_title", by, old_title=before, new_title=title)
            self._edited(by, {"title": {"from": before}})
        if body is not None and body != self.body:
            before, self.body = self.body, body
            self._edited(by, {"body": {"from": before}})
        if assignees is not None:
            self._assign(by, assignees)

    def _edited(self, by: Person, changes: Mapping[str, Json]) -> None:
        self.touch()
        register_references(self, by, f"{self.title}\n{self.body}", "issue_ref")
        self.tell("edited", by, changes=changes)

    def _assign(self, by: Person, logins: Sequence[str]) -> None:
        """Unknown people make this a 500 (`EditIssue` maps every error to it; 15.0, seen)."""
        if any(login not in self.forge.people for login in logins):
            raise Refusal(500, "")
        wanted = [self.forge.people[login] for login in logins]
        for person in [old for old in self.assignees if old not in wanted]:
            self.assignees.remove(person)
            self.note("assignees", by, assignee=person, removed_assignee=True)
            self.touch()
            self.tell("unassigned", by, kind="assign")
        for person in [new for new in wanted if new not in self.assignees]:
            self.assignees.append(person)
            self.note("assignees", by, assignee=person)
            self.touch()
            self.tell("assigned", by, kind="assign")

    @locked
    def close(self, by: Person, *, commit_sha: str = "") -> None:
        """Close: the poster or a writer; 412 while something open blocks it."""
        if by is not self.poster:
            self.needs(by, Right.WRITE)
        if self.state == "closed":
            return
        if any(blocker.state == "open" for blocker in self.blocked_by):
            raise Refusal(412, "cannot close this issue because it still has open dependencies")
        self.state, self.closed = "closed", self.forge.now()
        self.touch()
        self.note("close", by, ref_commit_sha=commit_sha)
        self.tell("closed", by, commit_id=commit_sha)

    @locked
    def reopen(self, by: Person) -> None:
        """Open again: the poster or a writer."""
        if by is not self.poster:
            self.needs(by, Right.WRITE)
        if self.state == "open":
            return
        self.state, self.closed = "open", None
        self.touch()
        self.note("reopen", by)
        self.tell("reopened", by)

    @locked
    def lock(self, by: Person) -> None:
        """Only writers may comment from now on (the web's button; there is no webhook)."""
        self.needs(by, Right.WRITE)
        self.is_locked = True
        self.note("lock", by, body="Resolved")

    @locked
    def unlock(self, by: Person) -> None:
        """Whoever may read may comment again."""
        self.needs(by, Right.WRITE)
        self.is_locked = False
        self.note("unlock", by)

    @locked
    def block_on(self, by: Person, blocker: "Issue") -> None:
        """This issue cannot be closed before ``blocker``; doing so twice, or in a circle of two, is a 500."""
        self.needs(by, Right.WRITE)
        if blocker in self.blocked_by or self in blocker.blocked_by or blocker is self:
            raise Refusal(500, "")
        self.blocked_by.append(blocker)
        self.note("add_dependency", by, dependent_issue=blocker)
        blocker.note("add_dependency", by, dependent_issue=self)

    @locked
    def unblock_from(self, by: Person, blocker: "Issue") -> None:
        """Undo ``block_on``."""
        self.needs(by, Right.WRITE)
        if blocker not in self.blocked_by:
            raise Refusal(500, "")
        self.blocked_by.remove(blocker)
        self.note("remove_dependency", by, dependent_issue=blocker)
        blocker.note("remove_dependency", by, dependent_issue=self)

    def blocks(self) -> Iterable["Issue"]:
        """Issues that cannot be closed before this one."""
        everywhere = (issue for repo in self.forge.repositories.values() for issue in repo.issues.values())
        return [issue for issue in everywhere if self in issue.blocked_by]

    @locked
    def attach(self, by: Person, name: str, content: bytes) -> Attachment:
        """Put a file at the issue; told as an edit that changed nothing, with nobody's right (15.0, seen)."""
        self.needs(by, Right.WRITE if by is not self.poster else Right.READ)
        made = self.new_attachment(name, content)
        self.assets.append(made)
        changes = {"body": {"from": self.body}}
        self.forge.emit(self.repo, "issues", events.issue(self, "edited", by, None, changes=changes))
        return made

    def new_attachment(self, name: str, content: bytes) -> Attachment:
        """A stored file, if its ending is allowed."""
        if f".{name.rpartition('.')[2]}" not in ATTACHMENT_TYPES.split(","):
            raise Refusal(422, "This file extension or type is not allowed to be uploaded.")
        return Attachment(self.forge.next_id("attachment"), name, content, self.forge.now())

    def tell(
        self,
        action: str,
        by: Person,
        *,
        kind: str = "",
        changes: Mapping[str, Json] | None = None,
        commit_id: str = "",
    ) -> None:
        """Send an `issues` or `issue_assign` webhook: that shows the doer's right, this the poster's."""
        whose = by if kind else self.poster
        event_type = f"issue_{kind}" if kind else "issues"
        payload = events.issue(self, action, by, whose, changes=changes, commit_id=commit_id)
        self.forge.emit(self.repo, event_type, payload)

    def tell_labels(self, action: str, by: Person, *, stale: Sequence[Label] | None = None) -> None:
        """Send an `issue_label` webhook; ``stale`` is the list that `label_cleared` wrongly carries."""
        payload = events.issue(self, action, by, self.poster, labels=stale)
        self.forge.emit(self.repo, "issue_label", payload)

    def tell_comment(self, action: str, entry: Entry, by: Person, *, changes: Mapping[str, Json] | None = None) -> None:
        """Send an `issue_comment` (on pull requests `pull_request_comment`) webhook."""
        event_type = "pull_request_comment" if self.is_pull else "issue_comment"
        self.forge.emit(self.repo, event_type, events.comment(entry, action, by, changes=changes))
