"""Which gates are closed for a task, by the configuration and its repository's policy."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from bot.core import events as e
from bot.core import gate_text, gates, triggers
from bot.core.gates import Gates
from bot.core.task import Task
from bot.execution import paths
from bot.execution.gitmirror import GitMirror
from bot.service import budgets, policies
from bot.service.fleet import Fleet, Step
from bot.store import Sql, bodies, forge_facts, log

#: Characters of a patch that are shown where its approval is asked for.
_SHOWN_CHARS: Final = 50_000
#: Paths that the log names; the first ones, in order.
_MOST_PATHS: Final = 100


def of(fleet: Fleet, sql: Sql, repo_id: int) -> Gates:
    """The gates in force: whatever the configuration or the repository asks for."""
    own = policies.of(sql, repo_id).needs_approval.gates()
    return gates.stricter(fleet.settings.needs_approval.gates(), own)


def closed(step: Step, task: Task) -> list[tuple[str, str]]:
    """(hold, why) of each gate that a task in the queue would not get through."""
    wanted = of(step.fleet, step.sql, task.repo_id)
    found = []
    issue = forge_facts.issue(step.sql, task.repo_id, task.issue)
    asking = gates.labels_held(wanted, issue.labels if issue else ())
    if asking and not _was_approved(step.sql, task):
        found.append((gates.LABEL, gate_text.by_label(asking)))
    why = gates.too_dear(wanted, budgets.of_task(step.sql, task.id), task.approved_usd) if wanted.usd else ""
    if why:
        found.append((gates.COST, why))
    return found


def _was_approved(sql: Sql, task: Task) -> bool:
    """Whether somebody said so of the text: a label `agent:…` that lets a request run asks for an agent, no more."""
    if not task.approved_by:
        return False
    given = [
        x.cause
        for x in log.of_task(sql, task.id)
        if isinstance(x.event, e.Approved) or (isinstance(x.event, e.GateApproved) and x.event.gate == gates.LABEL)
    ]
    return not triggers.is_label_cause(given[-1])


def touched(mirror: GitMirror, wanted: Gates, base: str, head: str) -> tuple[list[str], str]:
    """The paths that need approval of all that any commit on the way changes, and the part of the patch about them."""
    if not wanted.paths:
        return [], ""
    found = [x for x in mirror.touched(base, head) if paths.protecting(x, wanted.paths)]
    return found, gate_text.cut(mirror.patch(base, head, found[:_MOST_PATHS]), _SHOWN_CHARS) if found else ""


def keep(step: Step, task: Task, accepted: e.ResultAccepted, found: Mapping[str, Any]) -> e.ResultKept | None:
    """The result is kept unpublished when it changes what needs approval by the rules as they are now; else None."""
    wanted = of(step.fleet, step.sql, task.repo_id)
    changed = {*found.get("paths", ()), *found.get("gated", ())}
    needing = tuple(sorted(x for x in changed if paths.protecting(x, wanted.paths)))
    if not needing:
        return None
    why, excerpt = gate_text.by_paths(needing, accepted.head_sha), bodies.put(step.sql, str(found.get("excerpt", "")))
    return e.ResultKept(**asdict(accepted), paths=needing[:_MOST_PATHS], gate=why, excerpt_sha256=excerpt)


def kept(sql: Sql, task: Task) -> e.ResultKept:
    """The result that waits for its approval."""
    found = [x.event for x in log.of_task(sql, task.id) if isinstance(x.event, e.ResultKept)]
    return found[-1]
