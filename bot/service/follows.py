"""Tasks that follow a workflow run: cancel the run, and the task that it asked for is cancelled too."""

import structlog

from bot.core import actions_text as text
from bot.core.errors import Refused, Unavailable
from bot.core.states import State
from bot.forge import Missing, RepoRef
from bot.service import operations
from bot.service.fleet import Fleet, ref
from bot.store import forge_facts, tasks, workflow_runs
from bot.store.workflow_runs import FollowedRun

log = structlog.get_logger(__name__)


def begin(fleet: Fleet, task_id: str, repo_name: str, run_id: int, asked_by: str) -> None:
    """From now on. ``repo_name`` "" is the task's own repository. Raises Refused (404), Unavailable."""
    task = fleet.read(lambda sql: tasks.get(sql, task_id))
    repo_id = task.repo_id
    if repo_name:
        known = fleet.read(lambda sql: forge_facts.repo_named(sql, repo_name))
        repo_id = known.id if known else fleet.remember(fleet.forge.repos.named(repo_name)).id
    fleet.forge.actions.run(ref(fleet.repo(repo_id)), run_id)
    fleet.store.write(lambda sql: workflow_runs.follow(sql, task_id, repo_id, run_id, asked_by))


def look(fleet: Fleet) -> int:
    """Looks at every run that is followed and due; returns how many tasks it cancelled."""
    before = fleet.clock() - fleet.settings.actions.poll_secs
    due = [one for one in fleet.read(workflow_runs.followed) if not before < one.looked_at <= fleet.clock()]
    return sum(_look_at(fleet, one) for one in due)


def _look_at(fleet: Fleet, one: FollowedRun) -> bool:
    task = fleet.read(lambda sql: tasks.find(sql, one.task_id))
    if task is None or task.state.final or task.state is State.REVIEW:
        fleet.store.write(lambda sql: workflow_runs.unfollow(sql, one.task_id))
        return False
    known = fleet.repo(one.repo_id)
    try:
        run = fleet.forge.actions.run(RepoRef(known.id, known.full_name), one.run_id)
    except Missing:
        fleet.store.write(lambda sql: workflow_runs.unfollow(sql, one.task_id))
        return False
    except (Unavailable, Refused) as problem:  # of one repository: the others go on
        log.info("a followed run cannot be seen", run=one.run_id, reason=str(problem))
        fleet.store.write(lambda sql: workflow_runs.looked(sql, one.task_id, fleet.clock()))
        return False
    if not run.over:
        fleet.store.write(lambda sql: workflow_runs.looked(sql, one.task_id, fleet.clock()))
        return False
    cancelled = run.status == "cancelled"
    if cancelled:
        try:
            operations.cancel(fleet, one.task_id, by=one.asked_by, note=text.followed_run_cancelled(one.run_id))
        except Refused as refused:  # it ended in the same moment
            log.info("nothing left to cancel", task=one.task_id, reason=refused.reason)
            cancelled = False
    fleet.store.write(lambda sql: workflow_runs.unfollow(sql, one.task_id))
    return cancelled
