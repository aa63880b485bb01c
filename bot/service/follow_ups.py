"""Follow-up issues: opened for the agent of a running attempt, once for its key, and never started without a person."""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from bot.core import follow_up_text as text
from bot.core import matching
from bot.core import text as plain_text
from bot.core.errors import Refused, Unavailable
from bot.core.facts import Account, Issue
from bot.core.task import Task
from bot.service import display, operations, policies
from bot.service.agents import holding
from bot.service.fleet import Fleet, Step
from bot.service.issues import open_task
from bot.store import follow_ups, forge_facts, tasks
from bot.store.follow_ups import FollowUp

#: How a task that an agent asked for was started.
TRIGGER: Final = "follow_up"
#: Longer than any request lasts: after that its process has died.
_BUSY_SECS: Final = 120


@dataclass(frozen=True)
class Wanted:
    """``key`` is the agent's own; the same one again is the same follow-up."""

    key: str
    title: str
    text: str
    capabilities: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        said = json.dumps([self.title, self.text, sorted(self.capabilities)])
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def ask(fleet: Fleet, agent_id: str, task_id: str, fence: int | None, wanted: Wanted) -> tuple[FollowUp, bool]:
    """Opens an issue for what the agent came across, with a task that waits for approval; returns (it, is it new).

    Raises Refused (404, 409 ``stale_fence``, ``idempotency_key_reused``, ``follow_up_limit``, 422), Unavailable.
    """
    if not text.title(wanted.title).strip():
        raise Refused(text.no_title(), "", 422, "fields")
    taken, parent = fleet.step(lambda step: _take(step, agent_id, task_id, fence, wanted))
    if taken.issue:
        return taken, False
    try:
        repo = fleet.repo(parent.repo_id)
        body = text.body(parent.issue, agent_id, wanted.text)
        key = f"follow-up:{task_id}:{wanted.key}"
        found = operations.issue_for(fleet, repo, 0, text.title(wanted.title), body, key)
        return fleet.step(lambda step: _open(step, taken, found, wanted)), True
    except Refused:
        fleet.store.write(lambda sql: follow_ups.free(sql, task_id, wanted.key))
        raise
    except Unavailable:  # it may have been opened all the same: it counts until it is asked for again
        fleet.store.write(lambda sql: follow_ups.let_go(sql, task_id, wanted.key))
        raise


def _take(step: Step, agent_id: str, task_id: str, fence: int | None, wanted: Wanted) -> tuple[FollowUp, Task]:
    known = follow_ups.find(step.sql, task_id, wanted.key)
    opened = known if known is not None and known.issue and known.sha256 == wanted.sha256 else None
    if opened is not None and opened.agent == agent_id:
        return opened, step.task(task_id)  # also after the attempt: an answer that was lost is given again
    holding(step.sql, agent_id, task_id, fence)
    task = step.task(task_id)
    if opened is not None:
        return opened, task  # another agent opened it before this one went on with the task
    if known is not None and known.sha256 != wanted.sha256:
        raise Refused(plain_text.key_used_otherwise(), plain_text.use_another_key(), 409, "idempotency_key_reused")
    if known is not None and step.now - known.taken_at < _BUSY_SECS:
        raise Unavailable(plain_text.key_in_use(), retry_after=2)
    depth = follow_ups.depth_of(step.sql, task.repo_id, task.issue) + 1
    _check(step, task, depth, wanted.key)
    row = FollowUp(task.id, wanted.key, wanted.sha256, task.repo_id, task.issue, 0, depth, agent_id, step.now)
    follow_ups.take(step.sql, row)
    return row, task


def _check(step: Step, task: Task, depth: int, key: str) -> None:
    """Raises Refused when there may be no further one here."""
    rules, own = step.fleet.settings.follow_ups, policies.of(step.sql, task.repo_id).max_follow_ups
    most = rules.max_per_issue if own is None else min(own, rules.max_per_issue)
    others = [
        x for x in follow_ups.of_issue(step.sql, task.repo_id, task.issue) if (x.task_id, x.key) != (task.id, key)
    ]
    why = ""
    if not (most and rules.max_depth):
        why = text.none_allowed()
    elif depth > rules.max_depth:
        why = text.too_deep(rules.max_depth)
    elif len(others) >= most:
        why = text.too_many(task.issue, most)
    if why:
        raise Refused(why, text.say_it_in_the_summary(), 409, "follow_up_limit")


def _open(step: Step, taken: FollowUp, found: Issue, wanted: Wanted) -> FollowUp:
    again = follow_ups.find(step.sql, taken.task_id, taken.key)
    if again is not None and again.issue:
        return again  # somebody took it over because we were so slow
    repo = forge_facts.repo(step.sql, taken.repo_id)
    if repo is None:
        raise LookupError("a task's repository is not known")
    forge_facts.remember_issue(step.sql, found)
    offered = [f"agent:{c.removeprefix('agent:')}" for c in wanted.capabilities]
    open_task(
        step,
        repo,
        found,
        Account(0, taken.agent),
        may=False,
        trigger=TRIGGER,
        cause=f"follow-up:{taken.task_id}:{taken.key}",
        requirements=matching.requirements(offered),
        label_entry=0,
        last=tasks.newest_of_issue(step.sql, taken.repo_id, found.number),
    )
    follow_ups.opened(step.sql, taken.task_id, taken.key, found.number)
    display.show_comment(step, step.task(taken.task_id))
    made = follow_ups.find(step.sql, taken.task_id, taken.key)
    return made or taken
