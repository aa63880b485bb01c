"""The fleet at a glance, as somebody may see it: what the dashboard's first page is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.core import now_text, pause_text, view, why_text
from bot.core.matching import ClassKey
from bot.core.queue_wait import expected_secs
from bot.core.states import State
from bot.core.task import Task
from bot.core.view import AttemptLine, Snapshot
from bot.service import pausing, policies, readiness
from bot.service.fleet import Fleet
from bot.service.lookups import agent_facts
from bot.store import Sql, agents, attempts, forge_facts, hosts, pauses
from bot.store import overview as store
from bot.store.agents import Agent

#: How much is shown of each; the rest is a number and a link.
CARDS: Final = 5
QUEUE: Final = 12
AGENTS: Final = 20
HOSTS: Final = 20
PAUSES: Final = 5

#: The columns of the board; those being handed out count as running.
BOARD: Final = (
    State.REQUESTED,
    State.QUEUED,
    State.HELD,
    State.RUNNING,
    State.WAITING,
    State.REVIEW,
    State.FAILED,
    State.DONE,
    State.CANCELLED,
)


@dataclass(frozen=True)
class Card:
    """A task in a word. ``said`` is what is the matter with it, "" when its state says all."""

    id: str
    repo: str
    issue: int
    title: str
    state: State
    agent: str
    said: str
    changed_at: float


@dataclass(frozen=True)
class Column:
    """``uncertain``: there may be more than ``count``."""

    state: State
    count: int
    uncertain: bool
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Place:
    """A task in the queue. ``why`` it has not started, ``expected`` when it will, in words."""

    number: int
    card: Card
    requirements: tuple[str, ...]
    why: str
    expected: str


@dataclass(frozen=True)
class Worker:
    """An agent. ``last_seen`` in epoch seconds."""

    id: str
    agent_type: str
    host: str
    status: str
    running: int
    slots: int
    last_seen: float


@dataclass(frozen=True)
class Machine:
    """A host. ``why`` is for operators only."""

    id: str
    state: str
    why: str
    seen_at: float
    running: int
    slots: int


@dataclass(frozen=True)
class Now:
    """``alarms`` are for everybody's eyes: why nothing, or not everything, moves."""

    alarms: tuple[str, ...]
    board: tuple[Column, ...]
    queue: tuple[Place, ...]
    waiting: int
    agents: tuple[Worker, ...]
    agents_in_all: int
    slots: int
    running: int
    hosts: tuple[Machine, ...]
    hosts_in_all: int


def look(fleet: Fleet, repos: frozenset[int] | None, *, operator: bool) -> Now:
    """``repos`` are the ids of those that may be seen, None = all. Raises what the database raises."""
    alarms = _troubles(fleet, operator=operator)
    return fleet.read(lambda sql: _look(_Looking(fleet, sql, repos), alarms, operator=operator))


class _Looking:
    """One look: the same moment, agents and pauses throughout; reasons are worked out once per class."""

    def __init__(self, fleet: Fleet, sql: Sql, repos: frozenset[int] | None) -> None:
        self.fleet, self.sql, self.now = fleet, sql, fleet.clock()
        self.names: Mapping[int, str] = {x.id: x.full_name for x in forge_facts.repos(sql)}
        self.repos = None if repos is None else sorted(repos)
        self.agents: Sequence[Agent] = [x for x in agents.listed(sql) if x.status != agents.GONE]
        self.running = store.running_by_agent(sql)
        self.run_secs = store.run_times(sql)
        self._reasons: dict[ClassKey, tuple[str, Callable[[int], str]]] = {}

    def card(self, task: Task) -> Card:
        issue = forge_facts.issue(self.sql, task.repo_id, task.issue)
        return Card(
            id=task.id,
            repo=self.names.get(task.repo_id, ""),
            issue=task.issue,
            title=issue.title if issue else "",
            state=task.state,
            agent=task.agent,
            said=self._said(task),
            changed_at=task.changed_at,
        )

    def place(self, number: int, task: Task) -> Place:
        why, expected = self._reason(task)
        return Place(number, self.card(task), task.requirements, why, expected(number))

    def _said(self, task: Task) -> str:
        if task.state.leased:
            attempt = attempts.get(self.sql, task.id, task.fence)
            return now_text.works(task.agent, attempt.progress if attempt else "")
        if task.state is State.QUEUED and task.claimable:
            return ""
        lines = [AttemptLine(task.fence, "", "", 0.0, "")] if task.fence else []
        return view.situation(Snapshot(task, attempts=lines))

    def _reason(self, task: Task) -> tuple[str, Callable[[int], str]]:
        """What would help a task to start, and how long a place will take: the same for all that ask for the same."""
        key = ClassKey(task.repo_id, task.requirements, task.reserved_for)
        if key not in self._reasons:
            stops = pausing.stops(self.sql, task.repo_id, self.now)
            rules = policies.of(self.sql, task.repo_id)
            facts = [agent_facts(x, self.running.get(x.id, 0), task, stops, rules) for x in self.agents]
            fit = [x for x in facts if x.status == agents.ONLINE and not x.unmet]
            slots, free = sum(x.slots for x in fit), sum(max(0, x.slots - x.running) for x in fit)
            stopped = any(not x.agent for x in stops)

            def expected(number: int) -> str:
                if stopped:
                    return ""
                return now_text.expected(expected_secs(number, slots, free, self.run_secs), bool(fit))

            self._reasons[key] = why_text.in_short(task, facts, stops), expected
        return self._reasons[key]


def _look(at: _Looking, alarms: tuple[str, ...], *, operator: bool) -> Now:
    machines = hosts.listed(at.sql)
    present = [x for x in at.agents if x.status != agents.OFFLINE]
    order = {agents.ONLINE: 0, agents.DRAINING: 1}
    listed = sorted(at.agents, key=lambda x: (order.get(x.status, 2), x.id))
    return Now(
        alarms=(*_paused(at), *alarms),
        board=_board(at),
        queue=tuple(at.place(number, task) for number, task in store.queue(at.sql, at.repos, QUEUE)),
        waiting=store.waiting(at.sql, at.repos),
        agents=tuple(_worker(at, x) for x in listed[:AGENTS]),
        agents_in_all=len(listed),
        slots=sum(x.max_concurrency for x in present),
        running=sum(at.running.values()),
        hosts=tuple(_machine(at, x, operator=operator) for x in machines[:HOSTS]),
        hosts_in_all=len(machines),
    )


def _board(at: _Looking) -> tuple[Column, ...]:
    counts = store.counts(at.sql, at.repos)
    counts[State.RUNNING] += counts.pop(State.ASSIGNED)
    found = []
    for state in BOARD:
        tasks = store.newest(at.sql, state, at.repos, CARDS)
        if state is State.RUNNING:
            tasks = sorted(
                [*tasks, *store.newest(at.sql, State.ASSIGNED, at.repos, CARDS)], key=lambda x: -x.changed_at
            )[:CARDS]
        uncertain = at.repos is not None and counts[state] >= store.MOST_COUNTED
        found.append(Column(state, counts[state], uncertain, tuple(at.card(x) for x in tasks)))
    return tuple(found)


def _paused(at: _Looking) -> list[str]:
    """Pauses of the fleet, and of repositories that may be seen, widest first."""
    found = [x for x in pauses.in_force(at.sql, at.now) if x.whole_fleet or at.repos is None or x.repo_id in at.repos]
    said = []
    for row in found[:PAUSES]:
        where = "" if row.whole_fleet else f"{at.names.get(row.repo_id, '')}: "
        said.append(where + pause_text.paused_by(row))
    return [*said, now_text.paused_elsewhere(len(found) - PAUSES)] if len(found) > PAUSES else said


def _troubles(fleet: Fleet, *, operator: bool) -> tuple[str, ...]:
    found = readiness.look(fleet)
    if operator or not found.hosts:
        return (*found.problems, *found.late, *found.hosts)
    return (*found.problems, *found.late, now_text.host_trouble(len(found.hosts)))


def _worker(at: _Looking, agent: Agent) -> Worker:
    running = at.running.get(agent.id, 0)
    slots = agent.max_concurrency
    return Worker(agent.id, agent.agent_type, agent.host, agent.status, running, slots, agent.last_seen)


def _machine(at: _Looking, host: hosts.HostState, *, operator: bool) -> Machine:
    own = [x for x in at.agents if x.host == host.host]
    running = sum(at.running.get(x.id, 0) for x in own)
    slots = sum(x.max_concurrency for x in own)
    return Machine(host.host, host.state, host.why if operator else "", host.seen_at, running, slots)
