"""What is counted when something happens to a task, in the same transaction."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.core import events as e
from bot.core import usage
from bot.core.events import Event
from bot.core.task import Task
from bot.core.usage import Used
from bot.store import counters, history
from bot.store.dialect import Sql

#: Upper bounds of the buckets of the wait for an agent, in seconds.
DISPATCH_BOUNDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400)


def count(sql: Sql, before: Task | None, after: Task, event: Event, at: float) -> None:
    counters.add(sql, counters.EVENTS, event.kind)
    if before is None or before.state is not after.state:
        if before is not None:
            counters.add(sql, counters.TASKS, before.state.value, by=-1)
        counters.add(sql, counters.TASKS, after.state.value)
    match event:
        case e.Claimed() if before is not None:
            counters.observe(sql, counters.DISPATCH, max(0.0, at - _ready_at(before)), DISPATCH_BOUNDS)
        case e.AttemptFailed() | e.AttemptLost():
            counters.add(sql, counters.RETRIES, event.reason.value)
        case e.GaveUp():
            counters.add(sql, counters.FAILURES, event.reason.value)


def count_usage(sql: Sql, task_id: str, attempts: Sequence[tuple[int, str, Mapping[str, Any]]], fence: int) -> None:
    """Adds what the attempt ``fence`` took; of a session that went on only what was not counted before.

    ``attempts`` are those of the task, oldest first: fence, session, usage.
    """
    before = {one.model: one for one in _total([a for a in attempts if a[0] < fence])}
    total = _total([a for a in attempts if a[0] <= fence])
    costs = [cost for one in total if (cost := dollars(one)) is not None]
    if costs:
        history.spent(sql, task_id, sum(costs))
    for now in total:
        was = before.get(now.model, Used(now.model, "run"))
        for direction, more in (
            ("input", now.input_tokens - was.input_tokens),
            ("output", now.output_tokens - was.output_tokens),
        ):
            if more > 0:
                counters.add(sql, counters.TOKENS, now.model, direction, by=more)
        for source, cost, earlier in (
            ("reported", now.reported_usd, was.reported_usd),
            ("estimated", now.estimated_usd, was.estimated_usd),
        ):
            if (more_usd := (cost or 0.0) - (earlier or 0.0)) > 0:
                counters.add(sql, counters.COST, now.model, source, by=more_usd)


def dollars(one: Used) -> float | None:
    """What the agent CLI reports, else what we estimate."""
    return one.reported_usd if one.reported_usd is not None else one.estimated_usd


def _total(attempts: Sequence[tuple[int, str, Mapping[str, Any]]]) -> tuple[Used, ...]:
    return usage.total((session, usage.read(used.get("models", []))) for _, session, used in attempts)


def _ready_at(before: Task) -> float:
    """Since when it could have been claimed: a retry waits in the queue for the end of its back-off first."""
    return max(before.queued_at, before.changed_at) if before.failures else before.queued_at
