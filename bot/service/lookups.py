"""What commands may look up, answered from the database within their step."""

from collections.abc import Sequence

import bot
from bot.commands.context import AgentFacts, PingFacts, QueueFacts, Stopped
from bot.core import cleaning, matching, why_text
from bot.core.states import State
from bot.core.task import Task
from bot.service import display, pausing, policies
from bot.service.fleet import Step
from bot.service.subjects import Subject
from bot.settings.policy import Policy
from bot.store import agents, attempts, classes, inbox, outbox, pauses, run_logs, tasks
from bot.store.agents import Agent

_LOG_CHARS = 40_000


class Lookups:
    """`bot.commands.context.Facts`."""

    def __init__(self, step: Step, subject: Subject) -> None:
        self._step, self._subject = step, subject

    def place(self, task: Task) -> int:
        return tasks.place_in_queue(self._step.sql, task)

    def fitting(self, task: Task) -> int:
        return display.fitting(self._step, task)

    def agent_names(self) -> Sequence[str]:
        known = agents.listed(self._step.sql)
        types = {a.agent_type for a in known} | {
            x.agent_type for host in self._step.fleet.settings.hosts for x in host.agents
        }
        short = {name for name, full in matching.ALIASES.items() if full in types}
        return sorted({a.id for a in known} | types | short)

    def agents(self, task: Task | None) -> Sequence[AgentFacts]:
        return [self._agent(x, task) for x in agents.listed(self._step.sql) if x.status != agents.GONE]

    def queue(self) -> QueueFacts:
        sql, here = self._step.sql, self._subject.repo.id
        running = tasks.in_states(sql, [State.ASSIGNED.value, State.RUNNING.value])
        waiting = sorted(
            (t for t in tasks.in_states(sql, [State.QUEUED.value]) if t.claimable),
            key=lambda t: (t.priority, t.queued_at, t.id),
        )
        ours = [t for t in waiting if t.repo_id == here]
        return QueueFacts(
            [(t.issue, f"on {cleaning.code(t.agent, 60)}") for t in running if t.repo_id == here],
            [(t.issue, "") for t in ours],
            sum(t.repo_id != here for t in running),
            len(waiting) - len(ours),
        )

    def pauses(self) -> Sequence[Stopped]:
        return pausing.stops(self._step.sql, self._subject.repo.id, self._step.now)

    def running_here(self, agent: str = "") -> int:
        repo = self._subject.repo
        return pauses.running(self._step.sql, pausing.scope_of(self._step.fleet, repo.full_name, repo.id), agent)

    def holds(self) -> Sequence[str]:
        issue = self._subject.issue
        return [x.hold for x in pauses.holds(self._step.sql, self._subject.repo.id, issue.number)] if issue else []

    def log_tail(self, task: Task, attempt: int, lines: int) -> str:
        known = attempts.get(self._step.sql, task.id, attempt)
        begin = max(0, (known.log_bytes if known else 0) - _LOG_CHARS)
        tail = run_logs.read(self._step.sql, task.id, attempt, begin).rstrip().split("\n")[-lines:]
        masked = "\n".join(tail)[-_LOG_CHARS:]
        for secret in sorted(self._step.fleet.settings.secrets(), key=len, reverse=True):
            masked = masked.replace(secret, "***")
        return masked

    def ping(self) -> PingFacts:
        sql = self._step.sql
        queued = sum(count for *_, count in classes.waiting(sql))
        swept = sql.value("SELECT max(at) FROM beat WHERE name = 'swept'")
        return PingFacts(bot.__version__, queued, inbox.newest_at(sql), float(swept or 0.0))

    def status_link(self) -> str:
        issue = self._subject.issue
        wish = outbox.find(self._step.sql, f"comment:{self._subject.repo.id}#{issue.number}") if issue else None
        return str(wish.known.get("url") or "") if wish else ""

    def _agent(self, agent: Agent, task: Task | None) -> AgentFacts:
        running = attempts.count_running(self._step.sql, agent.id)
        if task is None:
            return agent_facts(agent, running)
        return agent_facts(agent, running, task, self.pauses(), policies.of(self._step.sql, task.repo_id))


def agent_facts(
    agent: Agent, running: int, task: Task | None = None, stops: Sequence[Stopped] = (), rules: Policy | None = None
) -> AgentFacts:
    """An agent as people are told of it; with a task, also what keeps it from taking that."""
    unmet: list[str] = []
    if task is not None:
        candidate = agent.candidate()
        unmet += matching.unmet(candidate, task.requirements)
        if matching.reserved_for_other(candidate, task.reserved_for):
            unmet.append(why_text.RESERVED)
        if any(x.agent in (agent.id, agent.agent_type) for x in stops):
            unmet.append(why_text.PAUSED)
        if rules is not None and not policies.allows(rules, agent.id, agent.agent_type):
            unmet.append(why_text.NOT_ALLOWED)
    slots, seen = agent.max_concurrency, agent.last_seen
    return AgentFacts(agent.id, agent.agent_type, agent.status, running, slots, seen, tuple(unmet))
