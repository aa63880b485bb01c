"""A repository: who may do what, its bare git repository, and everything that hangs on it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.standin.answers import Json, Refusal, not_found
from bot.standin.git import ZERO, Author, Commit, Git
from bot.standin.hooks import Hook, checked_url, delivery, meaning
from bot.standin.issues import Entry, Issue
from bot.standin.labels import Label, color, known
from bot.standin.locking import locked
from bot.standin.people import Person, Right
from bot.standin.pulls import Pull, opened
from bot.standin.references import register_references
from bot.standin.render import events
from bot.standin.statuses import Protection, Run, Status, protection_of

if TYPE_CHECKING:
    from bot.standin.forge import Standin


class Repository:
    """``owner/name``, its branches on disk under the forge's root, its issues and pull requests by number."""

    def __init__(
        self, forge: "Standin", number: int, owner: Person, name: str, private: bool, default_branch: str
    ) -> None:
        self.forge = forge
        self.id = number
        self.owner = owner
        self.name = name
        self.private = private
        self.default_branch = default_branch
        self.created = self.updated = forge.now()
        self.archived = False
        self.time_tracker = True
        self.empty = True
        self.description = ""
        self.rights: dict[str, Right] = {}
        self.labels: list[Label] = []
        self.issues: dict[int, Issue] = {}
        self.hooks: list[Hook] = []
        self.statuses: list[Status] = []
        self.runs: list[Run] = []
        self.protections: list[Protection] = []
        self.git = Git(forge.root / owner.login / f"{number}.git", default_branch)

    def __repr__(self) -> str:
        return f"<Repository {self.full_name}>"

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def path(self) -> Path:
        """Where the bare repository lies."""
        return self.git.path

    @property
    def clone_url(self) -> str:
        """What git clones from."""
        return f"{self.forge.url}/{self.full_name}.git"

    @property
    def pulls(self) -> list[Pull]:
        """Pull requests, oldest first."""
        return [issue for issue in self.issues.values() if isinstance(issue, Pull)]

    def begin(self, files: Mapping[str, str]) -> None:
        """Create it on disk, with an initial commit when there are files."""
        self.git.create()
        if files:
            content = {path: text.encode() for path, text in files.items()}
            self.git.commit(self.default_branch, content, "Initial commit\n", self._author(self.owner))
            self.empty = False

    def _author(self, by: Person) -> Author:
        return Author(by.login, by.email, self.forge.now())

    def right_of(self, person: Person | None) -> Right:
        """What a person (None: nobody known) may do here; a public repository may be read by all."""
        least = Right.NONE if self.private else Right.READ
        if person is None:
            return least
        org = self.forge.organizations.get(self.owner.login.lower())
        if person.is_admin or person is self.owner or (org and person in org.owners):
            return Right.OWNER
        return max(least, self.rights.get(person.login, Right.NONE))

    def needs(self, by: Person, right: Right) -> None:
        """Raise the refusal of Forgejo's route checks when ``by`` may do less than ``right``."""
        if self.right_of(by) < right:
            if right >= Right.ADMIN:
                raise Refusal(403, "user should be an owner or a collaborator with admin write of a repository")
            raise Refusal(403, "user should have a permission to write to a repo")

    @locked
    def grant(self, person: Person, right: str) -> None:
        """Make someone a collaborator with "read", "write" or "admin"; "none" takes it away."""
        if right == "none":
            self.rights.pop(person.login, None)
        else:
            self.rights[person.login] = Right[right.upper()]

    @locked
    def rename(self, name: str) -> None:
        """Give it another name; the old one redirects."""
        self.forge.moved[self.full_name.lower()] = self.id
        self.name = name
        self.forge.moved.pop(self.full_name.lower(), None)

    @locked
    def transfer(self, owner: Person) -> None:
        """Give it to somebody else; the old address redirects, collaborators stay. No webhook tells of it (15.0)."""
        self.forge.moved[self.full_name.lower()] = self.id
        self.rights.pop(owner.login, None)
        self.owner = owner
        self.forge.moved.pop(self.full_name.lower(), None)

    @locked
    def label(self, name: str, colour: str = "#ededed", *, exclusive: bool = False, description: str = "") -> Label:
        """Make a label; a second one of the same name is another label, as with Forgejo."""
        made = Label(self.forge.next_id("label"), name, color(colour), description, exclusive)
        self.labels.append(made)
        self.labels.sort(key=lambda label: label.name)
        return made

    @locked
    def delete_label(self, label: Label) -> None:
        """Take a label away: from issues and from the timeline too, without a webhook."""
        self.labels.remove(label)
        for issue in self.issues.values():
            if label in issue.labels:
                issue.labels.remove(label)
            issue.entries = [entry for entry in issue.entries if entry.label is not label]

    @locked
    def open_issue(
        self,
        by: Person,
        title: str,
        body: str = "",
        labels: Sequence[str | int] = (),
        assignees: Sequence[str] = (),
    ) -> Issue:
        """Open an issue; labels and assignees given by somebody without write access are silently dropped."""
        if self.right_of(by) < Right.WRITE:
            labels, assignees = (), ()
        return self._open(by, title, body, labels, assignees)

    @locked
    def open_issue_by_web_form(self, by: Person, title: str, body: str = "", labels: Sequence[str | int] = ()) -> Issue:
        """The web's form, which keeps whatever labels anyone sends with it (15.0, seen)."""
        return self._open(by, title, body, labels, ())

    def _open(self, by: Person, title: str, body: str, labels: Sequence[str | int], assignees: Sequence[str]) -> Issue:
        people = self._assignable(assignees)
        issue = Issue(**self._common(by, title, body))
        self._label_at_creation(issue, by, labels)
        # `assigned` is queued before `opened` (15.0: 20 of 20).
        issue.assignees = people
        self._tell_of_assignees(issue, by)
        register_references(issue, by, f"{title}\n{body}", "issue_ref")
        issue.tell("opened", by)
        if issue.labels:
            issue.tell_labels("label_updated", by)
        return issue

    def _assignable(self, logins: Sequence[str]) -> list[Person]:
        """People by name; an unknown one makes creation a 422."""
        for login in logins:
            if login not in self.forge.people:
                unknown = f"user does not exist [uid: 0, name: {login}]"
                raise Refusal(422, f"Assignee does not exist: [name: {unknown}]")
        return [self.forge.people[login] for login in logins]

    def _tell_of_assignees(self, issue: Issue, by: Person) -> None:
        for person in issue.assignees:
            issue.note("assignees", by, assignee=person)
            issue.tell("assigned", by, kind="assign")

    def _common(self, by: Person, title: str, body: str) -> dict[str, Json]:
        now = self.forge.now()
        return {
            "repo": self,
            "id": self.forge.next_id("issue"),
            "number": max(self.issues, default=0) + 1,
            "poster": by,
            "title": title,
            "body": body,
            "created": now,
            "updated": now,
        }

    def _label_at_creation(self, issue: Issue, by: Person, labels: Sequence[str | int]) -> None:
        """Labels given at creation are not held to exclusivity (15.0, seen)."""
        self.issues[issue.number] = issue
        for label in known(self, labels):
            issue.labels.append(label)
            issue.note("label", by, body="1", label=label)

    @locked
    def open_pull(
        self,
        by: Person,
        head: str,
        base: str = "",
        title: str = "",
        body: str = "",
        labels: Sequence[str | int] = (),
        assignees: Sequence[str] = (),
    ) -> Pull:
        """Open a pull request of one branch into another; one without any difference is made as well."""
        make = opened(self, head, base or self.default_branch)
        pull = make(**self._common(by, title, body))
        self.git.set_ref(pull.head_ref, pull.head_sha)
        may = self.right_of(by) >= Right.WRITE
        self._label_at_creation(pull, by, labels if may else ())
        register_references(pull, by, f"{title}\n{body}", "pull_ref")
        pull.assignees = self._assignable(assignees) if may else []
        pull.tell("opened", by)
        if pull.labels:
            pull.tell_labels("label_updated", by)
        # The other way round than for issues (15.0, seen).
        self._tell_of_assignees(pull, by)
        return pull

    @locked
    def commit(
        self, by: Person, branch: str, files: Mapping[str, str | bytes | None], message: str = "Change files"
    ) -> str:
        """Put a commit on a branch (made from the default branch when new) and tell of the push."""
        content = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        before = self.git.branches()
        text = message if message.endswith("\n") else message + "\n"
        sha = self.git.commit(branch, content, text, self._author(by), start=self.default_branch)
        self.pushed(by, {f"refs/heads/{branch}": (before.get(branch, ZERO), sha)})
        return sha

    @locked
    def create_branch(self, by: Person, name: str, start: str) -> None:
        """A branch at another's commit."""
        sha = self.git.sha(start)
        if sha is None:
            raise not_found(message="The old branch does not exist")
        self.git.set_ref(f"refs/heads/{name}", sha)
        self.pushed(by, {f"refs/heads/{name}": (ZERO, sha)})

    @locked
    def delete_branch(self, by: Person, name: str) -> None:
        """Delete a branch: 500 when there is none, 403 for the default one (15.0, seen)."""
        if name == self.default_branch:
            raise Refusal(403, "can not delete default branch")
        sha = self.git.branches().get(name)
        if sha is None:
            raise Refusal(500, "")
        self.git.set_ref(f"refs/heads/{name}", None)
        self.pushed(by, {f"refs/heads/{name}": (sha, ZERO)})

    @locked
    def pushed(self, by: Person, moved: Mapping[str, tuple[str, str]]) -> None:
        """Refs have moved from one commit to another: tell of it and bring pull requests along."""
        self.updated = self.forge.now()
        self.empty = False
        for ref, (before, after) in moved.items():
            branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ""
            if before == ZERO and branch:
                self.forge.emit(self, "create", events.create(self, by, ref, after), ref=ref)
            if after != ZERO or not branch:
                self.tell_push(by, ref, before, after)
            if before == ZERO and not branch:
                self.forge.emit(self, "create", events.create(self, by, ref, after))
            if after == ZERO:
                self.forge.emit(self, "delete", events.delete(self, by, ref), ref=ref)
            self._bring_pulls_along(by, branch, after)

    def _bring_pulls_along(self, by: Person, branch: str, after: str) -> None:
        for pull in self.pulls:
            if pull.head != branch or not branch:
                continue
            if after == ZERO:
                pull.head_vanished(by)
            elif pull.state == "open":
                pull.head_moved(by, after)

    def tell_push(self, by: Person, ref: str, before: str, after: str) -> None:
        """Send the `push` webhook alone."""
        self.forge.emit(self, "push", events.push(self, by, ref, before, after), ref=ref)

    def may_push(self, by: Person, branch: str) -> bool:
        """True when a writer may push to this branch under its protection."""
        rule = protection_of(self, branch)
        return self.right_of(by) >= Right.WRITE and (rule is None or rule.enable_push)

    @locked
    def protect(self, rule_name: str, *, push: bool = False, contexts: Sequence[str] = ()) -> Protection:
        """Protect the branches that a glob matches: pushes refused unless ``push``, statuses required."""
        made = Protection(rule_name, self.forge.now(), push, bool(contexts), tuple(contexts))
        self.protections.append(made)
        return made

    @locked
    def set_status(
        self, by: Person, sha: str, state: str, context: str, description: str = "", target_url: str = ""
    ) -> Status:
        """Post a commit status; any state is taken, a commit that is not there is a 404 of its sha."""
        self.needs(by, Right.WRITE)
        full = self.git.sha(sha) if len(sha) >= 7 else None
        if full is None:
            raise not_found(message=sha)
        number = self.forge.next_id("status")
        made = Status(number, full, state, context, description, target_url, by, self.forge.now())
        self.statuses.append(made)
        for pull in self.pulls:
            if pull.head_sha == full:
                pull.status_came()
        return made

    @locked
    def run_ends(self, by: Person, sha: str, name: str, state: str, log: str = "") -> Status:
        """A run of Actions with one job is over, or (pending) has begun: its status, its log, and when it is over a
        webhook. ``name`` as in ``ci / build (push)``.
        """
        branch = next((one for one, tip in self.branches().items() if tip == sha), "")
        title, at = self.git.log(sha, limit=1)[0].message.split("\n")[0], self.forge.now()
        run = Run(self.forge.next_id("run"), len(self.runs) + 1, sha, log, state, branch, title, at=at)
        self.runs.append(run)
        made = self._status_of(by, run, name)
        if state != "pending":
            action = "success" if state == "success" else "failure"
            self.forge.emit(self, f"action_run_{action}", events.action_run(self, run, by, action))
        return made

    def _status_of(self, by: Person, run: Run, name: str) -> Status:
        sha, state = run.sha, run.state
        said = {"success": "Successful in 1s", "pending": "Has started running"}.get(state, "Failing after 1s")
        target = f"/{self.full_name}/actions/runs/{run.number}/jobs/0"
        return self.set_status(by, sha, state, name, said, target)

    @locked
    def hook(
        self,
        url: str,
        *,
        secret: str = "",
        events: Sequence[str] = ("issues", "pull_request", "push", "create", "delete"),
        active: bool = True,
        content_type: str = "json",
        authorization: str = "",
        branch_filter: str = "",
    ) -> Hook:
        """Set up a webhook (here active by default; by API it is not)."""
        now = self.forge.now()
        made = Hook(self.forge.next_id("hook"), checked_url(url), now, now, secret, content_type)
        made.events, made.active = meaning(events), active
        made.authorization, made.branch_filter = authorization, branch_filter
        self.hooks.append(made)
        return made

    @locked
    def test_hook(self, by: Person, hook: Hook) -> None:
        """A made-up push of the head commit, whatever the hook asked for; 404 in an empty repository."""
        head = self.git.branch_sha(self.default_branch)
        if not head:
            raise not_found()
        payload = events.test_push(self, by, head)
        self.forge.deliveries.queue(delivery(hook, "push", payload))

    def comment_of(self, wanted: int) -> Entry | None:
        """A timeline entry of this repository."""
        everything = (entry for issue in self.issues.values() for entry in issue.entries)
        return next((entry for entry in everything if entry.id == wanted), None)

    def read_file(self, ref: str, path: str) -> str | None:
        """A file's text on a branch, None when it is not there."""
        sha = self.git.sha(ref)
        content = self.git.read(sha, path) if sha else None
        return None if content is None else content.decode()

    def branches(self) -> dict[str, str]:
        """Branch names with their commits."""
        return self.git.branches()

    def log(self, ref: str = "") -> list[Commit]:
        """Commits of a branch, newest first."""
        return self.git.log(f"refs/heads/{ref or self.default_branch}")
