"""What happens because time has passed: leases that end, time limits, back-offs, questions nobody answered."""

import contextlib
from dataclasses import replace
from typing import Final

import structlog

from bot.core import events as e
from bot.core import retry
from bot.core.errors import Refused, Unavailable
from bot.core.events import Event
from bot.core.reasons import Reason
from bot.core.states import State
from bot.core.task import Task
from bot.service import display, issues, pausing, receipts
from bot.service.fleet import Fleet, Step
from bot.service.record import record
from bot.store import agents, attempts, counters, tasks, timers
from bot.store.attempts import Attempt
from bot.store.log import AlreadyHappened
from bot.store.timers import Timer

log = structlog.get_logger(__name__)

#: What cannot be done when its time has come is tried again after this long.
_AGAIN_SECS: Final = 30.0


def tick(fleet: Fleet) -> None:
    """Everything that is due now. Safe to call at any time, from anywhere, any number of times.

    One timer or lease that cannot be dealt with does not hold up the others.
    """
    expire_leases(fleet)
    notice_silence(fleet)
    fire(fleet)
    if fleet.read(counters.steps_left):
        fleet.store.write(counters.sum_up)


def fire(fleet: Fleet) -> int:
    """Fires the timers that are due; returns how many."""
    due = fleet.read(lambda sql: timers.due(sql, fleet.clock()))
    for timer in due:
        try:
            _deal_with(fleet, timer)
        except (Unavailable, Refused) as problem:
            log.warning("a timer is tried again", timer=timer.key, reason=str(problem))
            again = replace(timer, due_at=fleet.clock() + _AGAIN_SECS)
            fleet.store.write(lambda sql, t=again: timers.arm(sql, t))  # type: ignore[misc]
    return len(due)


def _deal_with(fleet: Fleet, timer: Timer) -> None:
    if timer.kind == pausing.OVER:
        pausing.over(fleet, timer)
        return
    if timer.kind != "label_gone":
        fleet.step(lambda step: _fire(step, timer))
        return
    task = fleet.read(lambda sql: tasks.find(sql, timer.task_id))
    if task is not None:
        issues.look(fleet, task.repo_id, task.issue)
    fleet.store.write(lambda sql: timers.disarm(sql, timer.key, due_at=timer.due_at))


def expire_leases(fleet: Fleet) -> int:
    """Takes back the tasks of agents that have not been heard of; returns how many."""
    over = fleet.read(lambda sql: attempts.expired(sql, fleet.clock()))
    for attempt in over:
        try:
            fleet.step(lambda step, a=attempt: _lost(step, a))  # type: ignore[misc]
        except Refused as problem:
            log.warning("a lease cannot be taken back", task=attempt.task_id, reason=str(problem))
    return len(over)


def notice_silence(fleet: Fleet) -> None:
    """Agents that missed their heartbeats are offline; when they are heard again they are online again."""
    before = fleet.clock() - fleet.lease_secs
    if not fleet.read(lambda sql: agents.silent_since(sql, before)):
        return

    def command(step: Step) -> None:
        for agent in agents.silent_since(step.sql, before):
            agents.set_status(step.sql, agent.id, agents.OFFLINE)
        display.refresh_queue(step)

    fleet.step(command)


def _fire(step: Step, timer: Timer) -> None:
    timers.disarm(step.sql, timer.key)
    if timer.kind == receipts.TIMER:
        receipts.look_again(step, timer)
        return
    task = tasks.find(step.sql, timer.task_id)
    if task is None or task.fence != timer.fence:
        return
    event = _due(step, task, timer.kind)
    if event is not None:
        with contextlib.suppress(AlreadyHappened):
            record(step, task, event, cause=f"{timer.key}:{timer.fence}:{task.version}", actor="fleet")


def _due(step: Step, task: Task, kind: str) -> Event | None:
    fleet = step.fleet
    match kind:
        case "timeout" if task.state.leased:
            return retry.after_failure(task, Reason.TIMEOUT, "", fleet.policy, step.now, fleet.chance())
        case "backoff" if task.state is State.QUEUED and task.not_before:
            return e.BackoffEnded()
        case "reservation" if task.state is State.QUEUED and task.reserved_for:
            return e.Reserved("")
        case "unanswered" if task.state is State.WAITING:
            return e.GaveUp(task.fence, Reason.UNANSWERED, "")
        case _:
            return None


def _lost(step: Step, seen: Attempt) -> None:
    attempt = attempts.get(step.sql, seen.task_id, seen.fence)
    if attempt is None or not attempt.active or attempt.lease_until >= step.now:
        return  # it was heard of meanwhile
    task = tasks.get(step.sql, seen.task_id)
    silent = max(0, round(step.now - attempt.last_sign_at))
    event = retry.after_loss(task, step.fleet.policy, silent)
    with contextlib.suppress(AlreadyHappened):
        record(step, task, event, cause=f"lost:{task.id}:{task.fence}", actor="fleet")
    agent = agents.find(step.sql, attempt.agent)
    if agent is not None and agent.meta.get("legacy"):
        agents.remember_lost(step.sql, agent.id, task.id)
