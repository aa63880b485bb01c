"""Who may run a task, and why not."""

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "agent:"
ANY: Final = "any"

#: Short names people use in labels for the agent types they mean (decision 7).
ALIASES: Final = {"codex": "codex-cli", "claude": "claude-code"}

#: `priority:*` labels, most urgent first; smaller numbers are claimed first.
PRIORITIES: Final = {"high": 0, "normal": 1, "low": 2}
NORMAL: Final = PRIORITIES["normal"]


@dataclass(frozen=True)
class ClassKey:
    """What tasks have in common as far as matching goes: one look-up finds the next of each class."""

    repo_id: int
    requirements: tuple[str, ...]
    reserved_for: str = ""


@dataclass(frozen=True)
class Candidate:
    """An agent that asks for work. ``repos`` are globs over ``owner/name`` bound to its token; () = all."""

    id: str
    agent_type: str
    capabilities: frozenset[str]
    repos: tuple[str, ...] = ()


def requirements(labels: Iterable[str]) -> tuple[str, ...]:
    """The sorted requirements among an issue's labels, without their prefix; other labels never filter."""
    return tuple(sorted({_name(label) for label in labels if is_requirement(label)}))


def is_requirement(label: str) -> bool:
    return label.startswith(PREFIX) and len(label) > len(PREFIX)


def priority(labels: Iterable[str]) -> int:
    """The most urgent `priority:*` label counts; none = normal."""
    ranks = {f"priority:{name}": rank for name, rank in PRIORITIES.items()}
    return min((ranks[label] for label in labels if label in ranks), default=NORMAL)


def unmet(agent: Candidate, wanted: Sequence[str]) -> tuple[str, ...]:
    """The requirements that ``agent`` does not meet; () = it qualifies."""
    offered = {_name(c) for c in agent.capabilities} | {agent.agent_type}
    return tuple(r for r in wanted if r != ANY and r not in offered and ALIASES.get(r, r) not in offered)


def full_name(agent: str) -> str:
    """An agent's id or type as it is, an alias of a type as what it stands for."""
    return ALIASES.get(agent, agent)


def reserved_for_other(agent: Candidate, reserved_for: str) -> bool:
    """True when the task waits for somebody else (an agent id, an agent type, or an alias of one)."""
    mine = {"", agent.id, agent.agent_type}
    return reserved_for not in mine and full_name(reserved_for) not in mine


def serves(agent: Candidate, repo: str) -> bool:
    return not agent.repos or any(fnmatch.fnmatchcase(repo.lower(), glob.lower()) for glob in agent.repos)


def fits(agent: Candidate, key: ClassKey, repo: str) -> bool:
    """True when ``agent`` may take tasks of this class; load is decided where slots are counted."""
    return (
        serves(agent, repo) and not reserved_for_other(agent, key.reserved_for) and not unmet(agent, key.requirements)
    )


def _name(label: str) -> str:
    return label.removeprefix(PREFIX)
