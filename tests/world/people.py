"""People on the forge and what they do there."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.standin import Entry, Person
from bot.standin.git import environment
from bot.standin.reviews import Review
from tests.world.issues import IssueView

if TYPE_CHECKING:
    from tests.world.world import World


class Comment:
    """What somebody wrote, and what the bot made of it."""

    def __init__(self, world: "World", issue: IssueView, entry: Entry) -> None:
        self._world, self._issue, self.entry = world, issue, entry

    def is_answered(self, words: str) -> None:
        """The reply to this very comment begins with ``words``."""
        self._world.settles()
        marker = f"<!-- fleet:v1:reply:{self._issue.issue.repo.id}:{self.entry.id} -->"
        found = [x for x in self._issue.bot_comments() if x.body.endswith(marker)]
        assert len(found) == 1, [x.body for x in self._issue.bot_comments()]
        said = found[0].body.removesuffix(marker).strip()
        assert words in said if words.startswith("|") else said.startswith(words), said
        self._world.read.add(found[0].id)

    def gets(self, emoji: str) -> None:
        """The bot's reaction, and no other."""
        self._world.settles()
        found = [x.content for x in self.entry.reactions if x.by.login == self._world.bot.login]
        assert found == [emoji], (found, [x.body for x in self._issue.bot_comments()])


class Someone:
    def __init__(self, world: "World", person: Person) -> None:
        self._world, self.person = world, person

    @property
    def login(self) -> str:
        return self.person.login

    def opens_issue(self, title: str, body: str = "", labels: Sequence[str] = ()) -> IssueView:
        return self._opened(self._world.repo.open_issue(self.person, title, body, list(labels)))

    def opens_issue_by_web_form(self, title: str, body: str = "", labels: Sequence[str] = ()) -> IssueView:
        """Here the forge keeps labels that the person may not set (Forgejo 15)."""
        return self._opened(self._world.repo.open_issue_by_web_form(self.person, title, body, list(labels)))

    def finds(self, title: str) -> IssueView:
        """An issue that somebody else has opened."""
        self._world.settles()
        [found] = [x for x in self._world.repo.issues.values() if x.title == title and not x.is_pull]
        return self._opened(found)

    def _opened(self, issue: object) -> IssueView:
        view = IssueView(self._world, issue)  # type: ignore[arg-type]
        self._world.issues.append(view)
        return view

    def labels(self, issue: IssueView, *names: str) -> None:
        issue.issue.add_label(self.person, *names)

    def unlabels(self, issue: IssueView, name: str) -> None:
        issue.issue.remove_label(self.person, name)

    def clears_labels(self, issue: IssueView) -> None:
        issue.issue.clear_labels(self.person)

    def says(self, issue: IssueView, words: str, *, settles: bool = True) -> "Comment":
        """Writes a comment; what the bot does about it is done unless ``settles`` is False."""
        made = Comment(self._world, issue, issue.issue.comment(self.person, words))
        if settles:
            self._world.settles()
        return made

    def closes(self, issue: IssueView) -> None:
        issue.issue.close(self.person)

    def reopens(self, issue: IssueView) -> None:
        issue.issue.reopen(self.person)

    def edits(self, issue: IssueView, *, title: str | None = None, body: str | None = None) -> None:
        issue.issue.edit(self.person, title=title, body=body)

    def merges(self, issue: IssueView) -> None:
        """The pull request of the issue."""
        pull = issue.pull()
        pull.merge(self.person, head_sha=pull.head_sha)

    def reviews(
        self, issue: IssueView, opinion: str, body: str = "", on: Sequence[tuple[str, int, str]] = ()
    ) -> Review:
        """Of the issue's pull request; ``on`` are (path, line, words)."""
        made = issue.pull().review(self.person, opinion, body, on)
        self._world.settles()
        return made

    def asks_for_changes(self, issue: IssueView, body: str, on: Sequence[tuple[str, int, str]] = ()) -> Review:
        return self.reviews(issue, "REQUEST_CHANGES", body, on)

    def approves(self, issue: IssueView) -> Review:
        return self.reviews(issue, "APPROVED")

    def commits_to(self, branch: str, files: Mapping[str, str | bytes | None], message: str = "Mend it") -> None:
        self._world.repo.commit(self.person, branch, files, message)
        self._world.settles()

    def pushes_over(self, branch: str, files: Mapping[str, str]) -> str:
        """With a clone and `git push --force`: one commit on main replaces what the branch had."""
        repo = self._world.repo
        with tempfile.TemporaryDirectory() as folder:

            def git(*args: str) -> str:
                env = environment() | {"GIT_AUTHOR_NAME": self.login, "GIT_AUTHOR_EMAIL": self.person.email}
                env |= {"GIT_COMMITTER_NAME": self.login, "GIT_COMMITTER_EMAIL": self.person.email}
                return subprocess.run(
                    ["git", *args], cwd=folder, env=env, check=True, capture_output=True, text=True
                ).stdout.strip()

            url = repo.clone_url.replace("://", f"://{self.login}:{self.person.token}@")
            git("clone", "-q", "--branch", "main", url, ".")
            for name, text in files.items():
                (Path(folder) / name).write_text(text)
            git("add", "--all")
            git("commit", "-qm", "Do it otherwise")
            git("push", "-q", "--force", "origin", f"HEAD:refs/heads/{branch}")
            sha = git("rev-parse", "HEAD")
        self._world.settles()
        return sha

    def drops_branch(self, branch: str) -> None:
        self._world.repo.delete_branch(self.person, branch)
        self._world.settles()

    def reopens_pull(self, issue: IssueView) -> None:
        issue.pull().reopen(self.person)
        self._world.settles()

    def closes_pull(self, issue: IssueView) -> None:
        issue.pull().close(self.person)
