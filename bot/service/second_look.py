"""An issue is read again before its task is handed out: a webhook may be lost, and what was approved may have changed.

Never inside a transaction. While the forge does not answer, what is known counts: an agent is given the text that was
approved, whatever the issue says meanwhile.
"""

from typing import Final

import structlog

from bot.core import cleaning, triggers
from bot.core.errors import Refused, Unavailable
from bot.core.facts import Issue
from bot.core.task import Task
from bot.forge import Missing
from bot.service import issues
from bot.service.fleet import Fleet, ref
from bot.store import Sql, forge_facts

log = structlog.get_logger(__name__)

#: What was read when the task was queued, or at the last look, is good for so long.
FRESH_SECS: Final = 60.0
#: More looks than that are not remembered.
_MOST: Final = 10_000


def keep_fresh(fleet: Fleet, task: Task) -> None:
    """Reads the issue of a task that has waited for more than a minute, and takes the steps that follow if it differs.

    A process asks once a minute at most, also when it gets no answer.
    """
    now, key = fleet.clock(), (task.repo_id, task.issue)
    if now - FRESH_SECS < max(task.queued_at, fleet.looked_at.get(key, 0.0)) <= now:
        return
    if len(fleet.looked_at) >= _MOST:
        fleet.looked_at.clear()
    fleet.looked_at[key] = now
    try:
        if _differs(fleet, task):
            issues.look(fleet, task.repo_id, task.issue)
    except (Unavailable, Refused) as problem:
        log.warning("an issue is used as last read", task=task.id, reason=str(problem))


def _differs(fleet: Fleet, task: Task) -> bool:
    try:
        found = fleet.forge.issues.get(ref(fleet.repo(task.repo_id)), task.issue)
    except Missing:
        return True
    return fleet.read(lambda sql: _known_otherwise(sql, task, found))


def _known_otherwise(sql: Sql, task: Task, found: Issue) -> bool:
    known = forge_facts.issue(sql, task.repo_id, task.issue)
    said, _ = forge_facts.text_since(sql, task.repo_id, task.issue)
    if known is None or not found.is_open:
        return True
    asked = _peoples(found.labels) != _peoples(known.labels)
    held = (issues.HOLD in found.labels) != (issues.HOLD in known.labels)
    return asked or held or said != cleaning.digest(triggers.asked_text(found.title, found.body))


def _peoples(labels: frozenset[str]) -> set[str]:
    """Labels that say something about the work: ours are only shown."""
    return {x for x in labels if not x.startswith("fleet/")}
