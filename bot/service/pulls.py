"""Looking at a pull request: merged ends the task well, closed cancels it until it is reopened, feedback sends it back.

People's own are never held up by us.
"""

import contextlib

from bot.core import events as e
from bot.core import view
from bot.core.facts import PullRequest
from bot.core.states import State
from bot.core.task import Task
from bot.forge import Missing
from bot.service import display, feedback
from bot.service.fleet import Fleet, Step, ref
from bot.service.record import record
from bot.store import Sql, tasks
from bot.store.log import AlreadyHappened


def look(fleet: Fleet, repo_id: int, number: int) -> None:
    """Reads a pull request and takes the step that follows for its task; asking twice changes nothing.

    Raises Unavailable when the forge does not answer.
    """
    repo = fleet.repo(repo_id)
    try:
        pull = fleet.forge.pulls.get(ref(repo), number)
    except Missing:
        return  # a pull request cannot be deleted; without the right to read it there is nothing to say
    task = fleet.read(lambda sql: _task_of(sql, repo_id, pull))
    if task is not None:
        fleet.step(lambda step: _take_step(step, repo_id, pull))
        feedback.look(fleet, repo, pull, task)
    elif pull.is_open and fleet.forge.repos.requires(ref(repo), pull.base_branch, view.CONTEXT):
        fleet.step(lambda step: display.pass_peoples(step, repo_id, pull))


def _task_of(sql: Sql, repo_id: int, pull: PullRequest) -> Task | None:
    return tasks.of_pull_request(sql, repo_id, pull.number, pull.head_branch if pull.same_repository else "")


def _take_step(step: Step, repo_id: int, pull: PullRequest) -> None:
    task = _task_of(step.sql, repo_id, pull)
    if task is None or task.pull_request not in (0, pull.number):
        return
    with contextlib.suppress(AlreadyHappened):
        if pull.is_open:
            _reopened(step, task, pull)
        elif pull.merged:
            _merged(step, task, pull)
        elif not task.state.final and task.pull_request == pull.number:
            cause = f"pull-closed:{task.id}:{pull.number}:{task.version}"
            record(step, task, e.PullRequestClosed(pull.number), cause=cause, actor="forge")


def _reopened(step: Step, task: Task, pull: PullRequest) -> None:
    """Closing it had cancelled the task: it is in review again, unless the issue has a newer task."""
    closed = task.state is State.CANCELLED and task.why == "pull_request_closed" and task.pull_request == pull.number
    newest = tasks.newest_of_issue(step.sql, task.repo_id, task.issue) if closed else None
    if newest is not None and newest.id == task.id:
        event = e.PullRequestReopened(pull.number, unfinished=bool(task.feedback.working_on))
        record(step, task, event, cause=f"pull-reopened:{task.id}:{pull.number}:{task.version}", actor="forge")


def _merged(step: Step, task: Task, pull: PullRequest) -> None:
    if task.why == "merged":
        return
    event = e.Merged(pull.number, pull.merged_by, pull.merge_sha)
    cause = f"merged:{task.repo_id}:{pull.number}"
    record(step, task, event, cause=cause, actor=f"person:{pull.merged_by}")
