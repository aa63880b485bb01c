"""Wanted versus actual, for every task that is not over: what people or a lost write have changed is put back."""

from collections.abc import Callable

import structlog

from bot.core import events as e
from bot.core import view
from bot.core.errors import Damaged, Refused, Unavailable
from bot.core.states import ACTIVE
from bot.core.task import Task
from bot.service import issues, missed
from bot.service.fleet import Fleet, Step, ref
from bot.service.record import record
from bot.store import outbox, tasks
from bot.store.outbox import Wish

log = structlog.get_logger(__name__)


def compare(fleet: Fleet, go_on: Callable[[], bool] = lambda: True) -> None:
    """Looks at label, status comment and commit status of every unfinished task; each repair is an event.

    What cannot be read now does not keep the rest from being compared. ``go_on`` is asked before each. Raises Damaged,
    when all is done, for the first that can never be read.
    """
    damage: list[Damaged] = []
    for task_id in fleet.read(lambda sql: tasks.ids_in_states(sql, [s.value for s in ACTIVE])):
        if not go_on():
            return
        try:
            task = fleet.read(lambda sql, of=task_id: tasks.get(sql, of))  # type: ignore[misc]
            if task.state not in ACTIVE:
                continue
            issues.look(fleet, task.repo_id, task.issue)
            _comment(fleet, task)
            _status(fleet, task)
        except (Unavailable, Refused) as problem:
            log.warning("a task is compared with the forge later", task=task_id, reason=str(problem))
            damage += missed.damaged(problem)
    if damage:
        raise damage[0]


def _comment(fleet: Fleet, task: Task) -> None:
    target = f"comment:{task.repo_id}#{task.issue}"
    wish = _settled(fleet, target)
    if wish is None:
        return
    marker = view.marker("status", task.repo_id, task.issue)
    found = fleet.forge.issues.find_ours(ref(fleet.repo(task.repo_id)), task.issue, marker)
    if found is None or found.body != wish.wish["body"]:
        _repair(fleet, task, target, "comment", "changed" if found else "missing")


def _status(fleet: Fleet, task: Task) -> None:
    target = f"status:{task.repo_id}@{task.pushed_sha}"
    wish = _settled(fleet, target) if task.pushed_sha else None
    if wish is None:
        return
    shown = fleet.forge.repos.statuses(ref(fleet.repo(task.repo_id)), task.pushed_sha).get(view.CONTEXT)
    if shown != (wish.wish["state"], wish.wish["description"]):
        _repair(fleet, task, target, "status", shown[0] if shown else "missing")


def _settled(fleet: Fleet, target: str) -> Wish | None:
    """The wish, when it was fulfilled and nothing newer is on its way."""
    pending = {name for name, _, _ in fleet.read(outbox.pending)}
    wish = fleet.read(lambda sql: outbox.find(sql, target))
    return wish if wish is not None and wish.sent_at and target not in pending else None


def _repair(fleet: Fleet, seen: Task, target: str, what: str, found: str) -> None:
    def command(step: Step) -> None:
        task = step.task(seen.id)
        if task.version == seen.version and outbox.forget_sent(step.sql, target):
            cause = f"{what}-repaired:{task.id}:{task.version}"
            record(step, task, e.DisplayRepaired(what, found), cause=cause, actor="fleet")

    fleet.step(command)
