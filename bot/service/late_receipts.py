"""Receipts that come by themselves: facts an agent learnt before or after it completed."""

import json
from typing import Any

from bot.core import api_text, cleaning, text
from bot.core.errors import Refused
from bot.service.fleet import Fleet, Step
from bot.store import attempts, receipts, tasks


def keep(fleet: Fleet, agent_id: str, task_id: str, fence: int | None, receipt: dict[str, Any]) -> str:
    """Keeps a receipt of an attempt of this agent, running or over; returns its id.

    It changes nothing else. The same one again gives the same id. ``fence`` None is an agent of the earlier wire:
    the task's newest attempt, when that is its own and was not taken from it. Raises Refused (403, 404, 409).
    """
    written = json.dumps(receipt, sort_keys=True, ensure_ascii=False)

    def command(step: Step) -> str:
        task = tasks.get(step.sql, task_id)
        attempt = attempts.get(step.sql, task_id, task.fence if fence is None else fence)
        if attempt is None:
            raise Refused(api_text.no_such_attempt(fence or 0), text.ask_for_a_new_task(), 409, "no_such_attempt")
        if attempt.agent != agent_id:
            status, kind = (409, "not_holding") if fence is None else (403, "not_yours")
            raise Refused(text.not_holding(agent_id), text.ask_for_a_new_task(), status, kind)
        if fence is None and not (attempt.active or attempt.answer_sha256):
            raise Refused(text.not_holding(agent_id), text.ask_for_a_new_task(), 409, "not_holding")
        return receipts.put(step.sql, task_id, attempt.fence, agent_id, cleaning.digest(written), receipt, step.now)

    return fleet.step(command)
