"""Keeping an issue out of the queue, whatever its task does meanwhile; each reason is lifted by its own."""

import contextlib

from bot.core import events as e
from bot.core.states import State
from bot.core.task import Task
from bot.service.fleet import Step
from bot.service.record import record
from bot.store import pauses
from bot.store.log import AlreadyHappened
from bot.store.pauses import HoldRow

MANUAL = "manual"
LABEL = "label"
BLOCKED = "blocked"


def hold(step: Step, repo_id: int, issue: int, row: HoldRow, task: Task | None, *, cause: str, actor: str) -> None:
    """Places a hold on the issue; its task, when it waits in the queue, is held from now on."""
    before = {x.hold: x for x in pauses.holds(step.sql, repo_id, issue)}.get(row.hold)
    pauses.hold(step.sql, repo_id, issue, row, step.now)
    if task is None or task.state not in (State.QUEUED, State.HELD):
        return
    if row.hold not in task.holds or before != row:
        with contextlib.suppress(AlreadyHappened):
            record(step, task, e.HoldPlaced(row.hold, row.note), cause=cause, actor=actor)


def unhold(step: Step, repo_id: int, issue: int, name: str, task: Task | None, *, cause: str, actor: str) -> bool:
    """Lifts one hold; True when it lay there. The task goes on when no other is left."""
    lifted = pauses.unhold(step.sql, repo_id, issue, name)
    if task is None or task.state is not State.HELD or name not in task.holds:
        return lifted
    event = e.Released() if set(task.holds) <= {name} else e.HoldLifted(name)
    with contextlib.suppress(AlreadyHappened):
        record(step, task, event, cause=cause, actor=actor)
    return True
