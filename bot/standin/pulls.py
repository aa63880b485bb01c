"""Pull requests: an issue with a head and a base in a real repository."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.standin.answers import Json, Refusal, not_found
from bot.standin.git import Author, FileChange
from bot.standin.issues import Issue
from bot.standin.labels import Label
from bot.standin.locking import locked
from bot.standin.people import Person, Right
from bot.standin.references import references, register_references
from bot.standin.render import events
from bot.standin.reviews import LineComment, Review, submit
from bot.standin.statuses import required_statuses_pass

if TYPE_CHECKING:
    from bot.standin.repositories import Repository

MERGE_STYLES = ("merge", "rebase", "rebase-merge", "squash", "fast-forward-only", "manually-merged")


@dataclass(eq=False)
class Pull(Issue):
    """A pull request. ``head`` and ``base`` are branch names; ``head_sha`` lasts when the branch is gone."""

    pull_id: int = 0
    head: str = ""
    base: str = ""
    head_sha: str = ""
    head_is_gone: bool = False
    merged: bool = False
    merged_at: float | None = None
    merged_by: Person | None = None
    merge_commit_sha: str | None = None
    merged_onto: str = ""
    reviews: list[Review] = field(default_factory=list)
    scheduled: tuple[Person, str] | None = None

    @property
    def as_pull(self) -> "Pull":
        return self

    @property
    def head_ref(self) -> str:
        """The ref under which the base repository keeps the head."""
        return f"refs/pull/{self.number}/head"

    @property
    def draft(self) -> bool:
        """A title that begins with WIP makes it a draft."""
        return self.title.upper().startswith(("WIP:", "[WIP]"))

    @property
    def base_sha(self) -> str:
        """The commit it would be merged onto (or was)."""
        return self.merged_onto or self.repo.git.branch_sha(self.base)

    @property
    def merge_base(self) -> str:
        """Where head and base part."""
        return self.repo.git.merge_base(self.base_sha, self.head_sha)

    @property
    def mergeable(self) -> bool:
        """No conflict and no draft."""
        return not self.draft and not self.repo.git.conflicts(self.base_sha, self.head_sha)

    def changes(self) -> list[FileChange]:
        """The files it changes."""
        return self.repo.git.diff(self.merge_base, self.head_sha) if self.merge_base else []

    def hunk(self, path: str, line: int) -> str:
        """The lines of a diff up to one of the new side, as shown above a comment on it."""
        return self.repo.git.hunk(self.merge_base, self.head_sha, path, line)

    @property
    def requested_reviewers(self) -> list[Person]:
        """Who reviewed or was asked to (Forgejo lists both)."""
        found: dict[Person, None] = {}
        for review in self.reviews:
            if review.state in ("REQUEST_REVIEW", "APPROVED", "REQUEST_CHANGES") and review.original:
                found[review.by] = None
        return list(found)

    def close(self, by: Person, *, commit_sha: str = "") -> None:
        """Close without merging."""
        self._refuse_when_merged()
        super().close(by, commit_sha=commit_sha)

    def reopen(self, by: Person) -> None:
        """Open again, unless it was merged or its branch is gone."""
        self._refuse_when_merged()
        super().reopen(by)

    def _refuse_when_merged(self) -> None:
        if self.merged:
            raise Refusal(412, "cannot change state of this pull request, it was already merged")

    @locked
    def review(
        self,
        by: Person,
        state: str = "COMMENT",
        body: str = "",
        comments: Sequence[tuple[str, int, str]] = (),
    ) -> Review:
        """Submit a review: APPROVED, REQUEST_CHANGES or COMMENT; comments are (path, line, text)."""
        return submit(self, by, state, body, [LineComment(*comment) for comment in comments])

    @locked
    def ask_for_review(self, by: Person, *reviewers: Person) -> list[Review]:
        """Ask people for a review: one webhook each."""
        self.needs(by, Right.WRITE)
        asked = []
        for person in reviewers:
            review = Review(self.forge.next_id("review"), person, "REQUEST_REVIEW", "", "", self.forge.now())
            self.reviews.append(review)
            self.note("review_request", by, assignee=person, review_id=review.id)
            self.touch()
            self.tell("review_requested", by, kind="review_request", reviewer=person)
            asked.append(review)
        return asked

    @locked
    def withdraw_review_request(self, by: Person, reviewer: Person) -> None:
        """Take a request back."""
        self.needs(by, Right.WRITE)
        self.reviews = [old for old in self.reviews if (old.by, old.state) != (reviewer, "REQUEST_REVIEW")]
        self.note("review_request", by, assignee=reviewer, removed_assignee=True)
        self.tell("review_request_removed", by, kind="review_request", reviewer=reviewer)

    @locked
    def merge(
        self,
        by: Person,
        style: str = "merge",
        *,
        head_sha: str = "",
        delete_branch: bool = False,
        title: str = "",
    ) -> str:
        """Merge and return the commit; closes the issues that its text closes, then tells of the push."""
        if style not in MERGE_STYLES:
            raise Refusal(422, "[Do]: In")
        self._refuse_merge(by, head_sha)
        git, target = self.repo.git, f"refs/heads/{self.base}"
        before, head = self.base_sha, self.head_sha
        text = title or self._merge_title(squash=style == "squash")
        author = Author(by.login, by.email, self.forge.now())
        sha = git.merge(before, head, f"{text}\n", author, squash=style in ("squash", "rebase"))
        git.set_ref(target, sha)
        self.merged, self.merged_by, self.merge_commit_sha, self.merged_onto = True, by, sha, before
        self.merged_at = self.closed = self.forge.now()
        self.state = "closed"
        self.touch()
        self.note("merge_pull", by, ref_commit_sha=sha)
        self.tell("closed", by)
        self._close_issues(by, sha)
        self.repo.tell_push(by, target, before, sha)
        if delete_branch:
            self.repo.delete_branch(by, self.head)
        return sha

    @property
    def merge_can_be_now(self) -> bool:
        """Nothing that is required is still to come."""
        return required_statuses_pass(self.repo, self.base, self.head_sha)

    def schedule_merge(self, by: Person, style: str) -> None:
        """Merge when every required status is there."""
        if self.scheduled is not None:
            raise Refusal(409, "pull request is already scheduled to auto merge when checks succeed")
        self.scheduled = (by, style)

    def cancel_scheduled_merge(self) -> None:
        """404 when none is scheduled."""
        if self.scheduled is None:
            raise not_found()
        self.scheduled = None

    def status_came(self) -> None:
        """A status of the head: what was scheduled may be due."""
        if self.scheduled is not None and self.state == "open" and self.merge_can_be_now:
            self.merge(*self.scheduled)

    @locked
    def update(self, by: Person) -> None:
        """Merge the base into the head branch."""
        author = Author(by.login, by.email, self.forge.now())
        text = f"Merge branch '{self.base}' into {self.head}\n"
        sha = self.repo.git.merge(self.head_sha, self.base_sha, text, author, squash=False)
        ref, before = f"refs/heads/{self.head}", self.head_sha
        self.repo.git.set_ref(ref, sha)
        self.repo.pushed(by, {ref: (before, sha)})

    def _merge_title(self, *, squash: bool) -> str:
        if squash:
            return f"{self.title} (#{self.number})"
        return f"Merge pull request '{self.title}' (#{self.number}) from {self.head} into {self.base}"

    def _refuse_merge(self, by: Person, head_sha: str) -> None:
        """Every reason of Forgejo against a merge, in its words (15.0, seen)."""
        if self.merged or self.state == "closed":
            raise Refusal(405, "")
        if self.repo.right_of(by) < Right.WRITE:
            raise Refusal(405, "User not allowed to merge PR")
        if self.draft:
            raise Refusal(405, "Work in progress PRs cannot be merged")
        if not required_statuses_pass(self.repo, self.base, self.head_sha):
            raise Refusal(405, "not allowed to merge [reason: Not all required status checks successful]")
        if head_sha and head_sha != self.head_sha:
            raise Refusal(409, "head out of date")
        if self.repo.git.conflicts(self.base_sha, self.head_sha):
            raise Refusal(405, "Please try again later")

    def _close_issues(self, by: Person, sha: str) -> None:
        """What the merger may close and nothing blocks; the rest is skipped without a word."""
        for number, action in references(f"{self.title}\n{self.body}").items():
            issue = self.repo.issues.get(number)
            if action == "closes" and issue is not None and not any(b.state == "open" for b in issue.blocked_by):
                issue.close(by, commit_sha=sha)

    @locked
    def head_moved(self, by: Person, sha: str) -> None:
        """Somebody pushed to the head branch."""
        before, self.head_sha = self.head_sha, sha
        self.repo.git.set_ref(self.head_ref, sha)
        for review in self.reviews:
            review.stale = True
        pushed = [commit.sha for commit in self.repo.git.log(f"{before}..{sha}")]
        self.note("pull_push", by, body=events.pull_push_body(pushed))
        self.touch()
        self.tell("synchronized", by, kind="sync")

    @locked
    def head_vanished(self, by: Person) -> None:
        """The head branch was deleted: that closes the pull request."""
        self.head_is_gone = True
        if self.state == "open":
            self.note("delete_branch", by, old_ref=self.head)
            Issue.close(self, by)

    def _edited(self, by: Person, changes: Mapping[str, Json]) -> None:
        self.touch()
        register_references(self, by, f"{self.title}\n{self.body}", "pull_ref")
        self.tell("edited", by, changes=changes)

    def tell(
        self,
        action: str,
        by: Person,
        *,
        kind: str = "",
        changes: Mapping[str, Json] | None = None,
        commit_id: str = "",
        reviewer: Person | None = None,
    ) -> None:
        """Send a `pull_request` or `pull_request_<kind>` webhook; whose right it shows depends on it."""
        whose: Person | None = self.poster
        if kind in ("assign", "review_request") or (action == "closed" and self.merged):
            whose = by
        if kind == "sync":
            whose = self.repo.owner
        payload = events.pull(
            self,
            action,
            by,
            whose,
            changes=changes,
            commit_id=commit_id,
            reviewer=reviewer,
            checking=kind == "sync",
        )
        self.forge.emit(self.repo, f"pull_request_{kind}" if kind else "pull_request", payload)

    def tell_labels(self, action: str, by: Person, *, stale: Sequence[Label] | None = None) -> None:
        """Send a `pull_request_label` webhook: the owner's right, on `label_cleared` the poster's (seen)."""
        whose = self.poster if action == "label_cleared" else self.repo.owner
        self.forge.emit(self.repo, "pull_request_label", events.pull(self, action, by, whose, labels=stale))


def opened(repo: "Repository", head: str, base: str) -> Callable[..., Pull]:
    """Check that a pull request of ``head`` into ``base`` may be made; returns its constructor."""
    git = repo.git
    if head == base:
        raise Refusal(422, "Invalid PullRequest: There are no changes between the head and the base")
    head_sha = git.branch_sha(head)
    if not head_sha:
        why = f"could not find '{head}' to be a commit, branch or tag in the head repository {repo.full_name}"
        raise Refusal(404, "The target couldn't be found.", [why])
    if not git.branch_sha(base):
        raise Refusal(404, "The target couldn't be found.", [])
    for old in repo.pulls:
        if old.state == "open" and (old.head, old.base) == (head, base):
            ids = f"id: {old.pull_id}, issue_id: {old.number}, head_repo_id: {repo.id}, base_repo_id: {repo.id}"
            text = f"[{ids}, head_branch: {head}, base_branch: {base}]"
            raise Refusal(409, f"pull request already exists for these targets {text}")

    def make(**common: Json) -> Pull:
        return Pull(**common, pull_id=repo.forge.next_id("pull"), head=head, base=base, head_sha=head_sha)

    return make
