"""An issue as a person sees it."""

import json
from typing import TYPE_CHECKING, Any

from bot.core.task import Task
from bot.standin import Entry, Issue, Pull
from bot.standin.git import GitError
from bot.store import tasks

if TYPE_CHECKING:
    from tests.world.world import World


class IssueView:
    def __init__(self, world: "World", issue: Issue) -> None:
        self._world, self.issue = world, issue

    @property
    def number(self) -> int:
        return self.issue.number

    def shows(
        self, *, label: str | None = None, status: str | None = None, pull_request: int | None = None, says: str = ""
    ) -> None:
        """``label`` the state label, ``status`` the commit status of the branch, ``pull_request`` how many there are,
        ``says`` a part of the status comment.
        """
        self._world.catches_up()
        if label is not None:
            shown = [x for x in self.issue.label_names if x.startswith("fleet/")]
            assert shown == ([label] if label else []), f"shows {shown}; {self.status_comment()}"
        if status is not None:
            assert self.commit_status() == status
        if pull_request is not None:
            assert len(self.pulls()) == pull_request, [p.title for p in self.pulls()]
        text = self.status_comment()
        assert says in text, text

    def tells(self, text: str) -> None:
        """Some comment of the bot holds ``text``; whoever looks for it sees the status comment, too."""
        self._world.catches_up()
        found = [c for c in self.bot_comments() if text in c.body]
        assert found, f"{text!r} is not among {[c.body for c in self.bot_comments()]}"
        self._world.read |= {c.id for c in found}
        self.status_comment()

    def task(self) -> Task:
        """The issue's newest task, as the fleet knows it."""
        self._world.settles()
        found = self._world.fleet.read(lambda sql: tasks.newest_of_issue(sql, self._world.repo.id, self.number))
        assert found is not None
        return found

    def is_quiet(self) -> None:
        self._world.catches_up()
        assert not self.bot_comments()
        assert not [x for x in self.issue.label_names if x.startswith("fleet/")]

    def status_comment(self) -> str:
        """There is at most one, however the story went."""
        found = [c for c in self.bot_comments() if "<!-- fleet:v1:status:" in c.body]
        assert len(found) <= 1, [c.body for c in found]
        self._world.read |= {c.id for c in found}
        return found[0].body if found else ""

    def bot_comments(self) -> list[Entry]:
        return [c for c in self.issue.comments if c.by.login == self._world.bot.login]

    def branches(self) -> list[str]:
        prefix = f"fleet/{self.number}-"
        return sorted(name for name in self._world.repo.branches() if name.startswith(prefix))

    def pulls(self) -> list[Pull]:
        return [p for p in self._world.repo.pulls if p.head.startswith(f"fleet/{self.number}-")]

    def pull(self) -> Pull:
        found = self.pulls()
        assert found, "there is no pull request"
        return found[-1]

    def receipts(self) -> list[dict[str, Any]]:
        """The signed receipts attached to the issue, oldest first."""
        self._world.catches_up()
        return [json.loads(a.content) for a in self.issue.assets if a.name.startswith("receipt-rcp_")]

    def receipt_statuses(self) -> list[tuple[str, str]]:
        """(state, description) in the receipt's context on the pull request's head, oldest first."""
        self._world.catches_up()
        head = self.pull().head_sha
        found = [s for s in self._world.repo.statuses if (s.sha, s.context) == (head, "agent-fleet/receipt")]
        return [(s.state, s.description) for s in found]

    def checks(self, state: str, log: str = "", name: str = "ci / build (push)", *, swept: bool = True) -> None:
        """CI is done with the pull request's head (a webhook tells) or has begun (the sweep finds it)."""
        self._world.settles()
        self._world.repo.run_ends(self._world.owner.person, self.pull().head_sha, name, state, log)
        if swept:
            self._world.sweeps()
        self._world.settles()

    def threads(self) -> list[tuple[str, int, str, str]]:
        """(path, line, who, words) of every comment on a line of the pull request."""
        self._world.catches_up()
        return [
            (c.path, c.line, (c.by or r.by).login, c.body.split("\n")[0])
            for r in self.pull().reviews
            for c in r.comments
        ]

    def note(self) -> str:
        """What a fresh clone reads as note on the pull request's head, "" for none."""
        git = self._world.repo.git
        try:
            return git.run("notes", "--ref=refs/notes/agent-fleet", "show", self.pull().head_sha)
        except GitError:
            return ""

    def commit_status(self) -> str:
        """The newest state in our context on the newest branch, "" for none."""
        heads = [self._world.repo.branches()[b] for b in self.branches()] or [p.head_sha for p in self.pulls()]
        found = [s.state for s in self._world.repo.statuses if s.sha in heads[-1:] and s.context == "agent-fleet"]
        return found[-1] if found else ""
