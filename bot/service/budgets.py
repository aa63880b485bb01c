"""Holding attempts, tasks, repositories and days to their budgets: before a start, and while a run reports."""

from typing import Final

from bot.core import budget, gates, retry_text, usage
from bot.core import events as e
from bot.core.budget import Limit, Spent
from bot.core.errors import Refused
from bot.core.events import Event
from bot.core.gates import Gates
from bot.core.reasons import Reason
from bot.core.task import Task
from bot.service.fleet import Fleet, Step
from bot.store import Sql, attempts, tasks
from bot.store.attempts import Attempt

_DAY_SECS: Final = 86_400


def check_start(step: Step, task: Task) -> None:
    """Raises Refused (``budget``) when the task may have no further attempt."""
    limits = step.fleet.settings.budget
    runs = attempts.of_task(step.sql, task.id)
    took = sum((r.ended_at or step.now) - r.claimed_at for r in runs)
    why = _task_over(step.fleet, runs)
    if limits.task_attempts and len(runs) >= limits.task_attempts:
        why = retry_text.over_attempts(limits.task_attempts)
    elif limits.task_secs and took >= limits.task_secs:
        why = retry_text.over_secs(took, limits.task_secs)
    if why:
        raise Refused(why, "", 409, Reason.BUDGET.value)


def check_retry(step: Step, task: Task) -> None:
    """Raises Refused when a retry could not start: its task would only leave review, or fail once more."""
    try:
        check_start(step, task)
    except Refused as refused:
        raise Refused(retry_text.not_again(refused.reason), retry_text.raise_the_limit(), 409, refused.kind) from None


def stop(step: Step, task: Task, chance: float, wanted: Gates) -> Event | None:
    """The event that ends a running attempt because a budget is used up; None while all are kept.

    Where it is one of a day, the task goes on when that is over; where a person has to agree, when they have.
    """
    runs = attempts.of_task(step.sql, task.id)
    why = run_over(step.fleet, runs, task.fence) or _task_over(step.fleet, runs)
    if why:
        return e.GaveUp(task.fence, Reason.BUDGET, why)
    limits, dear = step.fleet.settings.budget, gates.too_dear(wanted, _took(runs), task.approved_usd)
    if limits.task_secs and sum((r.ended_at or step.now) - r.claimed_at for r in runs) > limits.task_secs:
        return e.GaveUp(task.fence, Reason.BUDGET, retry_text.over_secs(limits.task_secs, limits.task_secs))
    if dear:
        return e.AttemptFailed(task.fence, Reason.BUDGET, dear, step.now, counts=False)
    whole, by_repo = _day(step.fleet, step.sql, step.now)
    why = _day_over(step.fleet, whole) or _repo_day_over(step.fleet, by_repo.get(task.repo_id, Spent()))
    if not why:
        return None
    tomorrow = (step.now // _DAY_SECS + 1) * _DAY_SECS + 60 * chance
    return e.AttemptFailed(task.fence, Reason.BUDGET, why, tomorrow, counts=False)


def used_up(fleet: Fleet, sql: Sql) -> frozenset[int] | None:
    """Repositories whose budget of the day is used up; None when that of the whole fleet is."""
    whole, by_repo = _day(fleet, sql, fleet.clock())
    if _day_over(fleet, whole):
        return None
    return frozenset(repo_id for repo_id, took in by_repo.items() if _repo_day_over(fleet, took))


def of_task(sql: Sql, task_id: str) -> Spent:
    """What all attempts of the task took."""
    return _took(attempts.of_task(sql, task_id))


def run_over(fleet: Fleet, runs: list[Attempt], fence: int) -> str:
    """Which limit of one attempt this one has passed, "" for none."""
    limits = fleet.settings.budget
    mine = [r for r in runs if r.fence <= fence]
    return budget.exceeded("run", _own(mine), Limit(limits.run_usd, limits.run_tokens)) if mine else ""


def _task_over(fleet: Fleet, runs: list[Attempt]) -> str:
    limits = fleet.settings.budget
    return budget.exceeded("task", _took(runs), Limit(limits.task_usd, limits.task_tokens))


def _took(runs: list[Attempt]) -> Spent:
    return sum((_own(runs[: i + 1]) for i in range(len(runs))), Spent())


def _day_over(fleet: Fleet, took: Spent) -> str:
    limits = fleet.settings.budget
    return budget.exceeded("day", took, Limit(limits.day_usd, limits.day_tokens))


def _repo_day_over(fleet: Fleet, took: Spent) -> str:
    limits = fleet.settings.budget
    return budget.exceeded("repo_day", took, Limit(limits.repo_day_usd, limits.repo_day_tokens))


def _day(fleet: Fleet, sql: Sql, now: float) -> tuple[Spent, dict[int, Spent]]:
    """What all attempts took that were heard of today (UTC): one that began yesterday counts whole."""
    limits = fleet.settings.budget
    if not (limits.day_usd or limits.day_tokens or limits.repo_day_usd or limits.repo_day_tokens):
        return Spent(), {}
    since = now // _DAY_SECS * _DAY_SECS
    by_repo: dict[int, Spent] = {}
    for task_id in attempts.tasks_heard_since(sql, since):
        runs = attempts.of_task(sql, task_id)
        today = (_own(runs[: i + 1]) for i, r in enumerate(runs) if r.last_sign_at >= since)
        repo_id = tasks.get(sql, task_id).repo_id
        by_repo[repo_id] = sum(today, by_repo.get(repo_id, Spent()))
    return sum(by_repo.values(), Spent()), by_repo


def _own(runs: list[Attempt]) -> Spent:
    return budget.spent(budget.own([(r.session, usage.read(r.usage.get("models", []))) for r in runs]))
