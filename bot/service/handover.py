"""When another agent goes on with a task: what the one before it did, said and came to."""

import json
from collections.abc import Mapping
from typing import Any

from bot.core import events as e
from bot.core.handover import MAX_CLAIMS, Handover
from bot.core.task import Task
from bot.store import Sql, attempts, bodies, log, receipts, signed_receipts
from bot.store.attempts import Attempt


def former(sql: Sql, task: Task) -> Attempt | None:
    """The last attempt before the task's newest one, when another agent made it; None otherwise."""
    runs = [a for a in attempts.of_task(sql, task.id) if a.fence < task.fence and a.outcome != "handed back"]
    return runs[-1] if runs and runs[-1].agent != task.agent else None


def of(sql: Sql, task: Task, last: Attempt) -> Handover:
    """What the agent of ``last`` leaves to whoever goes on with ``task``."""
    mine = {a.fence for a in attempts.of_task(sql, task.id) if a.agent == last.agent}
    handed_in = [
        x.event for x in log.of_task(sql, task.id) if isinstance(x.event, e.ResultAccepted) and x.event.fence in mine
    ]
    said = [r for r in receipts.of_task(sql, task.id) if r["fence"] in mine]
    signed = [one for one in signed_receipts.of_task(sql, task.id) if one.fence in mine]
    checks = json.loads(signed[-1].body)["verdict"]["checks"] if signed else []
    newest = max(said, key=lambda r: int(r["fence"]), default=None)
    return Handover(
        agent=last.agent,
        agent_type=last.agent_type,
        attempt=last.fence,
        outcome=last.outcome,
        branch=task.branch,
        head_sha=task.pushed_sha,
        summary=bodies.get(sql, handed_in[-1].summary_sha256) if handed_in else "",
        notes=_notes(last),
        claims=_claims(newest["receipt"]) if newest else "",
        verdict=signed[-1].result if signed else "",
        failed=tuple(f"{c['rule']} {c['name']}: {c['observed']}" for c in checks if c["verdict"] != "pass"),
    ).cleaned()


def _claims(receipt: Mapping[str, Any]) -> str:
    """The receipt as JSON; only what it says of the work when the whole is too long, "" when that is, too."""
    for said in (receipt, {"claims": receipt.get("claims")}):
        written = json.dumps(said, ensure_ascii=False)
        if said and len(written) <= MAX_CLAIMS:
            return written
    return ""


def _notes(attempt: Attempt) -> str:
    """What it was doing last, and what it had ticked off."""
    ticks = [f"[{'x' if done else ' '}] {item}" for item, done in attempt.checklist]
    return "\n".join([line for line in (attempt.progress, *ticks) if line])
