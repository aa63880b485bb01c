"""Why a task does not start: each agent's reason in plain words, and the smallest change that would help."""

from collections.abc import Sequence
from typing import Protocol

from bot.core import cleaning, gate_text, view
from bot.core.command_text import STATE_IS, no_task
from bot.core.pause_text import Stop, resume_with, scope
from bot.core.states import State
from bot.core.task import Task
from bot.core.text import clock, names, queued


class Agent(Protocol):
    """What must be known of an agent to say why it does not take a task."""

    @property
    def id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def running(self) -> int: ...
    @property
    def slots(self) -> int: ...
    @property
    def unmet(self) -> tuple[str, ...]: ...


#: Words in ``unmet`` that are no requirement of the task.
OTHER_REPOSITORIES = "!repositories"
PAUSED = "!paused"
NOT_ALLOWED = "!policy"
RESERVED = "!reserved"


def not_in_queue(task: Task | None) -> str:
    if task is None:
        return no_task()
    match task.state:
        case State.REQUESTED:
            return "It waits for someone with write access: `/fleet approve`."
        case State.HELD:
            if task.gate:
                return gate_text.waits(task.gate, task.kept_sha)
            said = task.message or ", ".join(task.holds)
            return f"It is held: {cleaning.defanged(cleaning.one_line(said, 300))}. To let it go: `/fleet unhold`."
        case State.QUEUED:
            return view.situation(view.Snapshot(task))
        case State.WAITING:
            return "It waits for an answer: `/fleet say …`."
        case State.ASSIGNED | State.RUNNING:
            return f"It has started: {cleaning.name(task.agent)} works on it."
        case State.REVIEW | State.FAILED:
            return f"{view.situation(view.Snapshot(task))} To run it again: `/fleet retry`."
        case State.DONE if task.is_merged:
            return f"{_waits_for_nothing(task)} To run it again: reopen the issue, then `/fleet retry`."
        case _:
            return f"{_waits_for_nothing(task)} To run it again: `/fleet retry`."


def _waits_for_nothing(task: Task) -> str:
    return f"It does not wait for anything: {STATE_IS[task.state.value]}."


def explained(task: Task, agents: Sequence[Agent], stops: Sequence[Stop], place: int) -> str:
    """One line per agent, then what would help first."""
    lines = [queued(place)]
    lines += [f"- {cleaning.name(x.by)} paused {scope(x.agent, x.whole_fleet)} at {clock(x.at)}." for x in stops]
    lines += [f"- {cleaning.name(x.id)}: {_agent(x)}." for x in agents[:30]]
    return "\n".join([*lines, "", _change(task, agents, stops)])


def in_short(task: Task, agents: Sequence[Agent], stops: Sequence[Stop]) -> str:
    """The same in a line: what keeps the likeliest agent from it, and what would help."""
    change = _change(task, agents, stops)
    if any(not x.agent for x in stops) or not agents:
        return change
    nearest = min(agents, key=lambda x: (x.status != "online", len(x.unmet), x.id))
    return f"{cleaning.name(nearest.id)}: {_agent(nearest)}. {change}"


def _agent(agent: Agent) -> str:
    missing = [x for x in agent.unmet if not x.startswith("!")]
    said = []
    if agent.status in ("offline", "gone"):
        said.append("it is not online")
    elif agent.status == "draining":
        said.append("it takes nothing new")
    if missing:
        said.append(f"it does not offer {names(missing)}")
    if RESERVED in agent.unmet:
        said.append("the task is reserved for another agent")
    if OTHER_REPOSITORIES in agent.unmet:
        said.append("its token is for other repositories")
    if PAUSED in agent.unmet:
        said.append("it is paused")
    if NOT_ALLOWED in agent.unmet:
        said.append("this repository's `.forgejo/fleet.toml` does not list it")
    if not said and agent.running >= agent.slots:
        said.append(f"it is busy ({agent.running} of {agent.slots})")
    return " and ".join(said) or "it can take this, and will when it asks"


def _change(task: Task, agents: Sequence[Agent], stops: Sequence[Stop]) -> str:
    """The smallest change: of the agents that fail for the least, the first."""
    if whole := [x for x in stops if not x.agent]:
        return _resume(whole[0])
    if not agents:
        return "What would help: connect an agent; none has registered."
    online = [x for x in agents if x.status == "online"]
    able = [x for x in online if not x.unmet]
    if able:
        busy = all(x.running >= x.slots for x in able)
        return (
            "What would help: waiting, until one of them is free." if busy else "Nothing is in the way; it starts now."
        )
    waking = [x for x in agents if not x.unmet]
    if waking:
        return f"What would help: start {cleaning.name(waking[0].id)} again."
    paused = [x for x in online if x.unmet == (PAUSED,)]
    if paused and stops:
        return _resume(stops[0])
    nearest = min(online or agents, key=lambda x: (len(x.unmet), x.id))
    if RESERVED in nearest.unmet and len(nearest.unmet) == 1:
        return f"What would help: {cleaning.code(f'/fleet set agent={nearest.id}', 100)}."
    missing = [f"agent:{x}" for x in nearest.unmet if not x.startswith("!") and x in task.requirements]
    if missing:
        return (
            f"What would help: take the label {names(missing)} off, or let {cleaning.name(nearest.id)} "
            f"offer {names([x.removeprefix('agent:') for x in missing])}."
        )
    return f"What would help: let {cleaning.name(nearest.id)} work on this repository."


def _resume(stop: Stop) -> str:
    where = " in the control repository" if stop.whole_fleet and stop.source == "command" else ""
    return f"What would help: {resume_with(stop.agent, stop.source)}{where}."
