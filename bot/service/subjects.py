"""What a command is about: the issue it stands on, or the task behind the pull request."""

from dataclasses import dataclass

from bot.core import command_text
from bot.core.errors import Refused
from bot.core.facts import Issue
from bot.core.task import Task
from bot.forge import Missing
from bot.service.fleet import Fleet, ref
from bot.store import Sql, tasks
from bot.store.forge_facts import KnownRepository


@dataclass(frozen=True)
class Subject:
    """``number`` is where people talk; ``issue`` what the task is about, None for a pull request without a task."""

    repo: KnownRepository
    number: int
    issue: Issue | None

    def task(self, sql: Sql) -> Task | None:
        if self.issue is None:
            return None
        return tasks.newest_of_issue(sql, self.repo.id, self.issue.number)

    @property
    def the_issue(self) -> Issue:
        """Raises Refused for a pull request that is nobody's task."""
        if self.issue is None:
            raise Refused(command_text.pull_without_task())
        return self.issue


def find(fleet: Fleet, repo: KnownRepository, number: int) -> Subject:
    """Reads the issue; on a pull request, that of its task. Raises Missing when it is gone, Unavailable."""
    found = fleet.forge.issues.get(ref(repo), number)
    if not found.is_pull:
        return Subject(repo, number, found)
    pull = fleet.forge.pulls.get(ref(repo), number)
    branch = pull.head_branch if pull.same_repository else ""
    task = fleet.read(lambda sql: tasks.of_pull_request(sql, repo.id, number, branch))
    if task is None:
        return Subject(repo, number, None)
    try:
        return Subject(repo, number, fleet.forge.issues.get(ref(repo), task.issue))
    except Missing:
        return Subject(repo, number, None)
