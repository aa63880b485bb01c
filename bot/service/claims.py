"""Handing out work: one function for everyone who asks."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from bot import tracing
from bot.core import cleaning, modes, text
from bot.core import events as e
from bot.core.errors import Refused
from bot.core.states import State
from bot.core.task import Task
from bot.service import budgets, given_prompts, pausing, policies, prompts, repo_files, rework, second_look
from bot.service.fleet import Fleet, Step
from bot.service.prompts import Instructions
from bot.service.record import keep_out, record
from bot.store import Sql, agents, attempts, avoided, bodies, claims, forge_facts, log
from bot.store.agents import Agent
from bot.store.wakeups import WORK

#: Tasks that are looked at in one call because those before cannot start.
_MOST_LOOKED_AT: Final = 50


@dataclass(frozen=True)
class Claim:
    """``work`` is what the agent is told; ``lease_until`` in seconds since the epoch."""

    task: Task
    fence: int
    lease_until: float
    work: dict[str, Any]


class _CannotStart:
    """The task that was next turned out not to be startable, and says so by now."""


def claim(
    fleet: Fleet, agent_id: str, *, repos: tuple[str, ...] = (), claim_id: str = "", capabilities: tuple[str, ...] = ()
) -> Claim | None:
    """Leases the most urgent, longest waiting task that fits ``agent_id``.

    One indexed look-up per waiting class, whatever the queue's length; nothing is written when nothing fits. The
    fence is one higher than any earlier attempt's of the task. Asking again with the same ``claim_id`` gives the
    same claim. ``capabilities`` narrow what the agent has registered, never widen it.
    Returns None when nothing fits or the agent has no free slot. Raises Refused (404) for an unknown agent.
    """
    left_out: set[int] = set()
    began = fleet.clock()
    for _ in range(_MOST_LOOKED_AT):
        offer = fleet.read(lambda sql: _candidate(fleet, sql, agent_id, repos, capabilities, claim_id, left_out))
        if offer is None:
            return None
        if offer[1] and (unknown := _look_again(fleet, offer[1])):
            left_out.add(unknown)
            continue
        o = fleet.settings.orchestrator
        side_by_side = not (o.max_running or o.max_running_per_repo)  # limits of the fleet are counted by one at a time
        found = fleet.step(
            lambda step: _claim(step, agent_id, repos, capabilities, claim_id, left_out), shared=side_by_side
        )
        if not isinstance(found, _CannotStart):
            if found is not None:
                tracing.past("claim", found.task.id, began, fleet.clock(), fence=found.fence, agent=agent_id)
            return found
    return None


def _look_again(fleet: Fleet, task: Task) -> int:
    """Asks the forge for what may have changed: the issue, policy and prompt.

    0 when all is known as it is now, or was last seen; else the repository, which has to wait.
    """
    repo_files.keep_fresh(fleet, task.repo_id)
    if not repo_files.known(fleet, task.repo_id):
        return task.repo_id
    second_look.keep_fresh(fleet, task)
    return 0


def peek(fleet: Fleet, agent_id: str) -> str | None:
    """The id of the task that a claim would lease now, None for none. Raises Refused (404)."""
    found = fleet.read(lambda sql: _candidate(fleet, sql, agent_id, (), (), "", ()))
    return found[1].id if found and found[1] else None


def registered(sql: Sql, agent_id: str) -> Agent:
    """Raises Refused (404)."""
    agent = agents.find(sql, agent_id)
    if agent is None:
        raise Refused(text.unknown_agent(agent_id), text.register_first(), 404, "unknown_agent")
    return agent


def _candidate(
    fleet: Fleet,
    sql: Sql,
    agent_id: str,
    repos: tuple[str, ...],
    capabilities: tuple[str, ...],
    claim_id: str,
    left_out: Collection[int],
    *,
    take: bool = False,
) -> tuple[Agent, Task | None] | None:
    """The agent and the task it may have; None as task when this claim was made before.

    To ``take``, both are locked until the transaction's end.
    """
    if take:
        agents.lock(sql, agent_id)
    agent = registered(sql, agent_id)
    if claim_id and attempts.by_claim(sql, agent_id, claim_id):
        return agent, None
    if not claims.anything_waits(sql):  # what agents that wait find nearly always
        return None
    if agent.status in (agents.DRAINING, agents.GONE) or attempts.count_running(sql, agent_id) >= agent.max_concurrency:
        return None
    who = agent.candidate(repos)
    if capabilities:
        named = frozenset(capabilities)
        who = type(who)(who.id, who.agent_type, who.capabilities & named, who.repos)
    closed = pausing.closed_to(sql, agent.id, agent.agent_type, fleet.clock())
    full, used_up = _full_repos(fleet, sql), budgets.used_up(fleet, sql)
    if closed is None or full is None or used_up is None:
        return None
    closed |= policies.closed_to(sql, agent.id, agent.agent_type)
    refused = [*agent.lost_tasks, *avoided.by(sql, agent_id, fleet.clock())]
    task = claims.next_task(sql, who, refused, {*closed, *full, *used_up, *left_out}, take=take)
    return (agent, task) if task else None


def _full_repos(fleet: Fleet, sql: Sql) -> set[int] | None:
    """Repositories in which as much is running as may be; None when that holds for the whole fleet."""
    o = fleet.settings.orchestrator
    if not (o.max_running or o.max_running_per_repo):
        return set()
    running = attempts.running_by_repo(sql)
    if o.max_running and sum(running.values()) >= o.max_running:
        return None
    return {repo for repo, count in running.items() if 0 < o.max_running_per_repo <= count}


def _claim(
    step: Step,
    agent_id: str,
    repos: tuple[str, ...],
    capabilities: tuple[str, ...],
    claim_id: str,
    left_out: Collection[int],
) -> Claim | _CannotStart | None:
    found = _candidate(step.fleet, step.sql, agent_id, repos, capabilities, claim_id, left_out, take=True)
    if found is None:
        return None
    agent, task = found
    if task is None:
        return _same_again(step, agent_id, claim_id)
    if keep_out(step, task).state is not State.QUEUED:
        return _CannotStart()
    try:
        prompts.check(step.sql, task)
        budgets.check_start(step, task)
    except Refused as refused:
        prompts.give_up(step, task, refused)
        return _CannotStart()
    fence = task.fence + 1
    lease_until = step.now + step.fleet.lease_secs
    attempts.open_one(
        step.sql,
        task.id,
        fence,
        agent=agent.id,
        agent_type=agent.agent_type,
        host=agent.host,
        mode=agent.mode,
        claim_id=claim_id,
        at=step.now,
        lease_until=lease_until,
        kind=rework.kind_of(task),
    )
    event = e.Claimed(fence, agent.id, agent.agent_type, agent.host, agent.mode)
    task = record(step, task, event, cause=f"claim:{task.id}:{fence}", actor=f"agent:{agent.id}")
    agents.seen(step.sql, agent.id, step.now)
    step.sql.wake(WORK)  # those who watch for more than before see that it is less
    work = work_of(step, task)
    if agent.mode != modes.SSH_CLI:  # what a host is given is kept when it is started there
        given_prompts.keep_task(step, task, work)
    return Claim(task, fence, lease_until, work)


def _same_again(step: Step, agent_id: str, claim_id: str) -> Claim | None:
    attempt = attempts.by_claim(step.sql, agent_id, claim_id)
    if attempt is None or not attempt.active:
        return None
    task = step.task(attempt.task_id)
    try:
        prompts.check(step.sql, task)
    except Refused as refused:  # changed since it was handed out, and the answer was lost
        prompts.give_up(step, task, refused)
        return None
    work = given_prompts.task_kept(step.sql, task) or work_of(step, task)
    return Claim(task, attempt.fence, attempt.lease_until, work)


def work_of(step: Step, task: Task, told: Instructions | None = None) -> dict[str, Any]:
    """What an agent is told of its task; nothing in it is a credential.

    ``instructions`` is the whole prompt. With ``session``, an agent that still has it and can go on with it takes
    ``resume_instructions`` instead. ``keep``: uncommitted changes in its workspace are to stay.
    Given what it was ``told`` before, nothing is rendered. Else raises Refused (``prompt_invalid``) when the
    repository's template cannot be used.
    """
    repo = forge_facts.repo(step.sql, task.repo_id)
    issue = forge_facts.issue(step.sql, task.repo_id, task.issue)
    o = step.fleet.settings.orchestrator
    told = told or prompts.of(step, task)
    attempt = attempts.get(step.sql, task.id, task.fence)
    work = {
        "task_id": task.id,
        "repo": repo.full_name if repo else "",
        "issue": task.issue,
        "title": cleaning.one_line(issue.title if issue else "", 500),
        "prompt": cleaning.plain(bodies.get(step.sql, task.prompt_sha256)),
        "base": task.base,
        "branch": task.branch,
        "labels": sorted(issue.labels) if issue else [],
        "priority": {0: "high", 1: "normal", 2: "low"}.get(task.priority, "normal"),
        "attempt": task.fence,
        "kind": attempt.kind if attempt else "",
        "timeout_secs": o.task_timeout_secs,
        "context": prompts.context(step, task, log.of_task(step.sql, task.id)),
        "instructions": told.text,
        "session": told.session or None,
        "resume_instructions": told.resume_text or None,
        "keep": told.keep,
        "handover": told.handover.as_json() if told.handover else None,
    }
    return given_prompts.without_secrets(step.fleet, work)
