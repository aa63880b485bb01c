"""Agents coming, staying and going."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.core import events as e
from bot.core import text
from bot.core.errors import Refused
from bot.core.reasons import Reason
from bot.core.states import State
from bot.service import display
from bot.service.claims import registered
from bot.service.fleet import Fleet, Step
from bot.service.record import record
from bot.store import Sql, agents, attempts, bodies, messages, tasks, tokens
from bot.store.agents import Agent

#: A heartbeat is written at most this often per agent.
_WRITE_EVERY_SECS: Final = 3.0
#: The name of tokens that registering hands out; others were made by an operator.
ENROLLED: Final = "enrolled"


@dataclass(frozen=True)
class Registration:
    """What an agent says of itself; the repositories it may serve are bound to its token, not declared."""

    agent_id: str
    agent_type: str
    capabilities: tuple[str, ...]
    max_concurrency: int = 1
    host: str = ""
    mode: str = "http_pull"
    version: str = ""
    meta: dict[str, Any] | None = None


@dataclass(frozen=True)
class Command:
    """What an agent is to do about one of its runs: ``cancel`` (stop it), ``drop`` (it is not yours any more) or
    ``say`` (somebody has ``text`` for it).
    """

    task_id: str
    fence: int
    command: str
    text: str = ""


def register(fleet: Fleet, said: Registration, *, hand_out_token: bool, legacy: bool) -> tuple[bool, str]:
    """Adds the agent or brings it up to date; returns (is it new, its token or "").

    A token is handed out when ``hand_out_token`` and the agent has none; asked again before its first use, the lost
    one is replaced.
    """

    def command(step: Step) -> tuple[bool, str]:
        now = step.now
        agent = Agent(
            id=said.agent_id,
            agent_type=said.agent_type,
            capabilities=tuple(sorted(set(said.capabilities))),
            max_concurrency=said.max_concurrency,
            host=said.host,
            mode=said.mode,
            status=agents.ONLINE,
            registered_at=now,
            last_seen=now,
            version=said.version,
            meta=said.meta or {},
            lost_tasks=(),
        )
        new = agents.register(step.sql, agent)
        token = _handed_out(step, agent.id, legacy=legacy) if hand_out_token else ""
        display.refresh_queue(step)
        return new, token

    return fleet.step(command)


def has_own_token(sql: Sql, agent_id: str, now: float) -> bool:
    """True when it has a usable token, other than one that was handed out and never used."""
    usable = [t for t in tokens.of_agent(sql, agent_id) if t.usable(now)]
    return any(t.name != ENROLLED or t.last_used_at for t in usable)


def _handed_out(step: Step, agent_id: str, *, legacy: bool) -> str:
    """The agent's token, when it has none; one that was handed out but never used got lost on the way."""
    if has_own_token(step.sql, agent_id, step.now):
        return ""
    for lost in tokens.of_agent(step.sql, agent_id):
        tokens.revoke(step.sql, lost.prefix, step.now)
    return tokens.create(step.sql, name=ENROLLED, role="agent", agent=agent_id, at=step.now, legacy=legacy)


def heartbeat(fleet: Fleet, agent_id: str, running: Sequence[tuple[str, int]] | None) -> list[Command]:
    """A sign of life: extends the leases that ``running`` names (None: all it holds), and says what is over.

    Raises Refused (404) for an unknown agent.
    """
    agent, held = fleet.read(lambda sql: (registered(sql, agent_id), _held(sql, agent_id)))
    named = held if running is None else set(running)
    if _worth_writing(fleet, agent, bool(named & held)):
        fleet.step(lambda step: _extend(step, agent_id, named & held))
    over = fleet.read(lambda sql: [_over(sql, *run) for run in sorted(named - held)])
    if not fleet.read(lambda sql: any(messages.waiting(sql, *run) for run in named & held)):
        return over
    return [*over, *fleet.step(lambda step: _said(step, sorted(named & held)))]


def _said(step: Step, runs: Sequence[tuple[str, int]]) -> list[Command]:
    """Words of people that were not given out yet; from now on they are."""
    found = []
    for task_id, fence in runs:
        for n, person, sha256 in messages.waiting(step.sql, task_id, fence):
            found.append(Command(task_id, fence, "say", f"{person} said: {bodies.get(step.sql, sha256)}"))
            messages.given(step.sql, task_id, fence, n)
    return found


def deregister(fleet: Fleet, agent_id: str) -> list[str]:
    """The agent leaves; what it runs goes back to the queue and costs nobody an attempt. Returns those tasks."""

    def command(step: Step) -> list[str]:
        registered(step.sql, agent_id)
        given_back = []
        for task in tasks.held_by(step.sql, agent_id):
            event = e.AttemptLost(task.fence, Reason.HANDED_BACK)
            record(step, task, event, cause=f"back:{task.id}:{task.fence}", actor=f"agent:{agent_id}")
            given_back.append(task.id)
        agents.set_status(step.sql, agent_id, agents.GONE)
        display.refresh_queue(step)
        return given_back

    return fleet.step(command)


def drain(fleet: Fleet, agent_id: str) -> None:
    """Finish what runs, take nothing new."""

    def command(step: Step) -> None:
        registered(step.sql, agent_id)
        agents.set_status(step.sql, agent_id, agents.DRAINING)

    fleet.step(command)


def holding(sql: Sql, agent_id: str, task_id: str, fence: int | None) -> int:
    """The fence of the attempt of this task that the agent holds.

    ``fence`` None is an agent of the earlier wire, which knows no fences: the attempt it holds now.
    Raises Refused: 404 for an unknown task, 409 for a stale fence or a task it does not hold.
    """
    task = tasks.get(sql, task_id)
    if fence is None:
        if task.agent != agent_id:
            raise Refused(text.not_holding(agent_id), text.ask_for_a_new_task(), 409, "not_holding")
        return task.fence
    if task.fence != fence or not task.state.leased:
        state = f"{task.state.value}, attempt {task.fence}"
        raise Refused(text.stale_fence(fence, state), text.ask_for_a_new_task(), 409, "stale_fence")
    if task.agent != agent_id:
        raise Refused(text.not_holding(agent_id), text.ask_for_a_new_task(), 403, "not_yours")
    return fence


def _held(sql: Sql, agent_id: str) -> set[tuple[str, int]]:
    return {(a.task_id, a.fence) for a in attempts.running_of(sql, agent_id)}


def _worth_writing(fleet: Fleet, agent: Agent, holds: bool) -> bool:
    age = fleet.clock() - agent.last_seen
    return age < 0 or age >= _WRITE_EVERY_SECS or agent.status == agents.OFFLINE or (holds and age >= 1)


def _extend(step: Step, agent_id: str, runs: set[tuple[str, int]]) -> None:
    was = agents.find(step.sql, agent_id)
    agents.seen(step.sql, agent_id, step.now)
    for task_id, fence in sorted(runs):
        attempts.extend(step.sql, task_id, fence, at=step.now, lease_until=step.now + step.fleet.lease_secs)
    if was and was.status == agents.OFFLINE:
        display.refresh_queue(step)


def _over(sql: Sql, task_id: str, fence: int) -> Command:
    task = tasks.find(sql, task_id)
    cancelled = task is not None and task.fence == fence and task.state is State.CANCELLED
    return Command(task_id, fence, "cancel" if cancelled else "drop")
