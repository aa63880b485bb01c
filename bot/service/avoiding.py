"""A task that failed through an agent's own trouble goes to another one first, if there is one."""

from typing import Final

from bot.core import matching
from bot.core.events import AttemptFailed
from bot.core.matching import Candidate, ClassKey
from bot.core.retry import RULES, Whom
from bot.core.task import Task
from bot.service.fleet import Step
from bot.store import agents, avoided, forge_facts

#: After its retry is due, others have this long before the same agent may take it again.
_FOR_SECS: Final = 900.0


def remember(step: Step, task: Task, event: AttemptFailed, agent: str) -> None:
    """``task`` is as it waits now. Nothing happens when it is meant for this agent, or no other would fit."""
    if RULES[event.reason].whom is not Whom.OTHER or task.reserved_for == agent:
        return
    repo = forge_facts.repo(step.sql, task.repo_id)
    key = ClassKey(task.repo_id, task.requirements, task.reserved_for)
    others = [a for a in agents.listed(step.sql) if a.status == agents.ONLINE and a.id != agent]
    name = repo.full_name if repo else ""
    if any(matching.fits(Candidate(a.id, a.agent_type, frozenset(a.capabilities)), key, name) for a in others):
        avoided.put(step.sql, task.id, agent, event.retry_at + _FOR_SECS)
