"""Receipts that come by themselves, and the part of any receipt that only the forge can confirm."""

import json
from dataclasses import replace
from typing import Any

from bot.core import api_text, cleaning, text
from bot.core.errors import Refused
from bot.core.receipt_facts import Claims, Facts
from bot.core.states import State
from bot.core.task import Task
from bot.service import receipt_facts
from bot.service import receipts as signed
from bot.service.agents import holding
from bot.service.fleet import Fleet, Step
from bot.store import Sql, attempts, receipts, tasks
from bot.store.attempts import Attempt


def keep(fleet: Fleet, agent_id: str, task_id: str, fence: int | None, receipt: dict[str, Any]) -> str:
    """Keeps a receipt of an attempt of this agent, running or over; returns its id.

    It changes nothing else. The same one again gives the same id. ``fence`` None is an agent of the earlier wire:
    the task's newest attempt, when that is its own and was not taken from it. A claim that contradicts what we or the
    forge know is refused (422 ``rejected_receipt``), and so is a receipt id that came with other content (409, r12).
    Raises Refused (403, 404, 409, 422), Unavailable when the forge is needed and does not answer.
    """
    written = json.dumps(receipt, sort_keys=True, ensure_ascii=False)
    sha256, claims = cleaning.digest(written), Claims(receipt)
    known = fleet.read(lambda sql: _look(fleet, sql, agent_id, task_id, fence, claims))
    seen = _asked_of_the_forge(fleet, *known, claims)

    def command(step: Step) -> str:
        task, attempt, facts = _look(fleet, step.sql, agent_id, task_id, fence, claims)
        facts = replace(
            facts,
            newest_fence=facts.fence,  # an attempt that is over may still add to what it said
            cancelled=False,
            pull=seen.pull,
            pull_looked_for=seen.pull_looked_for,
            checks=seen.checks,
            repeated=_other_of_that_name(step.sql, task.id, attempt.fence, signed.named(claims), sha256),
        )
        signed.checked(claims, facts)
        return receipts.put(step.sql, task_id, attempt.fence, agent_id, sha256, receipt, step.now)

    return fleet.step(command)


def named_pull(
    fleet: Fleet, agent_id: str, task_id: str, fence: int | None, receipt: dict[str, Any] | None
) -> Facts | None:
    """The pull request that a receipt names, as the forge shows it; None when it names none, or the task's own.

    The task's own is not at the new commits yet. Raises Refused (404, 409), Unavailable.
    """
    number = Claims(receipt or {}).number("pull_request", "number")
    if not number:
        return None
    held, task = fleet.read(lambda sql: (holding(sql, agent_id, task_id, fence), tasks.get(sql, task_id)))
    if number == task.pull_request:
        return None
    blank = Facts(task.id, "", task.issue, held, task.fence, False, task.branch, "done", 0, 0)
    return receipt_facts.with_pull(fleet, task, blank, number)


def _look(
    fleet: Fleet, sql: Sql, agent_id: str, task_id: str, fence: int | None, claims: Claims
) -> tuple[Task, Attempt, Facts]:
    task = tasks.get(sql, task_id)
    attempt = attempts.get(sql, task_id, task.fence if fence is None else fence)
    if attempt is None:
        raise Refused(api_text.no_such_attempt(fence or 0), text.ask_for_a_new_task(), 409, "no_such_attempt")
    if attempt.agent != agent_id:
        status, kind = (409, "not_holding") if fence is None else (403, "not_yours")
        raise Refused(text.not_holding(agent_id), text.ask_for_a_new_task(), status, kind)
    if fence is None and not (attempt.active or attempt.answer_sha256):
        raise Refused(text.not_holding(agent_id), text.ask_for_a_new_task(), 409, "not_holding")
    accepted = receipt_facts.accepted_result(sql, task_id, attempt.fence)
    outcome = "done" if accepted else ""
    facts = receipt_facts.recorded(fleet, sql, task, attempt, claims, outcome, fleet.clock())
    if accepted and not accepted.head_sha:  # published by the agent itself, on a branch of its own
        facts = replace(facts, work=None, branch=claims.text("git", "branch") or task.branch)
    return task, attempt, facts


def _asked_of_the_forge(fleet: Fleet, task: Task, attempt: Attempt, facts: Facts, claims: Claims) -> Facts:
    """The forge is asked only about what the receipt speaks of, and only when it is published."""
    published = task.state in (State.REVIEW, State.DONE) and task.fence == attempt.fence and task.pull_request
    number = claims.number("pull_request", "number")
    if published and (number or claims.rows("checks")):
        return receipt_facts.looked_up(fleet, task, attempt, claims)
    return receipt_facts.with_pull(fleet, task, facts, number or 0)


def _other_of_that_name(sql: Sql, task_id: str, fence: int, name: str, sha256: str) -> str:
    """``name`` when another receipt of the attempt bears it, "" otherwise."""
    if not name:
        return ""
    before = (r for r in receipts.of_task(sql, task_id) if r["fence"] == fence and r["sha256"] != sha256)
    return name if any(signed.named(Claims(r["receipt"])) == name for r in before) else ""
