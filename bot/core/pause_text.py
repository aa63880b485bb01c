"""Sentences about pauses: what is stopped, by whom, and what starts it again."""

from collections.abc import Sequence
from typing import Protocol

from bot.core import cleaning
from bot.core.text import clock, moment, names


class Stop(Protocol):
    """A pause. ``agent`` "" = all; ``until`` 0 = open end; ``source`` as in the database."""

    @property
    def by(self) -> str: ...
    @property
    def at(self) -> float: ...
    @property
    def reason(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def agent(self) -> str: ...
    @property
    def whole_fleet(self) -> bool: ...
    @property
    def until(self) -> float: ...
    @property
    def source(self) -> str: ...


def scope(agent: str, whole_fleet: bool) -> str:
    if agent:
        return f"{cleaning.name(agent)}{'' if whole_fleet else ' for this repository'}"
    return "the fleet" if whole_fleet else "this repository"


def paused_by(stop: Stop) -> str:
    """ann paused the fleet at 11:20 UTC (disk full, see [comment](…)); this starts after `/fleet resume`."""
    why = [cleaning.defanged(cleaning.one_line(stop.reason, 200))] if stop.reason else []
    if stop.url:
        why.append(f"see [comment]({stop.url})")
    inside = f" ({', '.join(why)})" if why else ""
    end = resume_with(stop.agent, stop.source) + (f" or at {moment(stop.until)}" if stop.until else "")
    who, what = cleaning.name(stop.by), scope(stop.agent, stop.whole_fleet)
    return f"{who} paused {what} at {clock(stop.at)}{inside}; this starts after {end}."


def resume_with(agent: str, source: str = "") -> str:
    """What ends a pause."""
    if source == "policy":
        return "putting `.forgejo/fleet.toml` back"
    if source.startswith("label"):
        return "taking the label `fleet/halt` off in the control repository"
    return cleaning.code(f"/fleet resume agent={agent}" if agent else "/fleet resume", 100)


def paused_now(scope_: str, until: float, running: int, agent: str) -> str:
    end = f"until {moment(until)}" if until else f"until {resume_with(agent)}"
    left = (
        "Nothing is running."
        if not running
        else f"{_tasks(running)} still running; I say so here when the last one ends."
    )
    what = "it gets nothing new" if agent else "nothing new is started"
    return f"Paused {scope_}: {what} {end}. {left}"


def already_paused(by: str, at: float, agent: str) -> str:
    return f"It is paused already, by {cleaning.name(by)} at {clock(at)}. To start again: {resume_with(agent)}."


def not_paused_by_command(agent: str, others: Sequence[str], paused_agents: Sequence[str], whole_fleet: bool) -> str:
    """``others`` are the sources of what stops work here otherwise; ``whole_fleet``: the control repository's do."""
    if any(x == "policy" for x in others):
        return "This repository is stopped because its `.forgejo/fleet.toml` was removed. To start again, put it back."
    if any(x.startswith("label") for x in others):
        return "It is stopped by the label `fleet/halt` in the control repository. To start again, take it off."
    if whole_fleet:
        return "The whole fleet is paused. To start again: `/fleet resume` in the control repository."
    if agent:
        return f"{cleaning.code(agent, 60)} is not paused here."
    if paused_agents:
        return f"Only {names(paused_agents)} is paused here. To start again: {resume_with(paused_agents[0])}."
    return "Nothing is paused here."


def resumed(scope_: str, waiting: int) -> str:
    return f"Started {scope_} again; {waiting} in the queue."


def halted(scope_: str, stopped: int) -> str:
    return f"Halted {scope_}: {_were(stopped)}, and nothing is started until `/fleet resume`."


def drained(at: float) -> str:
    return f"Nothing is running any more since {clock(at)}."


def _tasks(count: int) -> str:
    return "1 task is" if count == 1 else f"{count} tasks are"


def _were(count: int) -> str:
    if not count:
        return "nothing was running"
    return "1 running task was stopped" if count == 1 else f"{count} running tasks were stopped"
