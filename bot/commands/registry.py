"""The commands there are: what each declares is checked in one place, and help, docs and tests are made from it."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Final

from bot.commands.context import Context, Outcome
from bot.core import command_text as text
from bot.core import gate_text
from bot.core.facts import Right
from bot.core.states import State
from bot.core.task import Task

#: The state of an issue that has no task.
NO_TASK: Final = "none"
EVERY_STATE: Final = (NO_TASK, *(s.value for s in State))
NOT_FINAL: Final = tuple(s.value for s in State if not s.final)

ROLES: Final = {"read": Right.READ, "write": Right.WRITE, "admin": Right.ADMIN}
_RANK: Final = (Right.UNKNOWN, Right.NONE, Right.READ, Right.WRITE, Right.ADMIN)


class Text(Enum):
    """Whether words follow the options."""

    NONE = 0
    MAY = 1
    MUST = 2


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def __init__(self, *words: str) -> None:
        object.__setattr__(self, "words", words)

    def wrong(self, value: str, known_agents: Sequence[str]) -> str:  # noqa: ARG002 - one face for all kinds
        return "" if value.lower() in self.words else text.use_one_of(self.words)

    @property
    def shown(self) -> str:
        return "|".join(self.words)


@dataclass(frozen=True)
class Number:
    least: int
    most: int

    def wrong(self, value: str, known_agents: Sequence[str]) -> str:  # noqa: ARG002
        fits = re.fullmatch(r"[0-9]{1,9}", value) and self.least <= int(value) <= self.most
        return "" if fits else text.use_a_number(self.least, self.most)

    @property
    def shown(self) -> str:
        return "N"


@dataclass(frozen=True)
class Span:
    """A length of time: `30m`, `2h`, `1d`."""

    def wrong(self, value: str, known_agents: Sequence[str]) -> str:  # noqa: ARG002
        return "" if span_secs(value) else text.use_a_span()

    @property
    def shown(self) -> str:
        return "2h"


@dataclass(frozen=True)
class AgentName:
    """An agent's id or type."""

    def wrong(self, value: str, known_agents: Sequence[str]) -> str:
        return "" if value in known_agents else text.use_an_agent(value, known_agents)

    @property
    def shown(self) -> str:
        return "NAME"


@dataclass(frozen=True)
class Branch:
    def wrong(self, value: str, known_agents: Sequence[str]) -> str:  # noqa: ARG002
        good = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}", value) and ".." not in value
        return "" if good and not value.endswith(("/", ".", ".lock")) else text.use_a_branch()

    @property
    def shown(self) -> str:
        return "BRANCH"


@dataclass(frozen=True)
class Commit:
    """The first digits of a commit's id."""

    def wrong(self, value: str, known_agents: Sequence[str]) -> str:  # noqa: ARG002
        return "" if re.fullmatch(r"[0-9a-fA-F]{7,40}", value) else gate_text.use_a_commit()

    @property
    def shown(self) -> str:
        return "SHA"


Kind = Choice | Number | Span | AgentName | Branch | Commit
Act = Callable[[Context], Outcome]
#: How "Now possible" shows a command for this very task, "" = not at all.
Offer = Callable[[Task | None], str]


@dataclass(frozen=True)
class Command:
    """``role`` is what the person must have in the repository; ``legal_in`` the states in which it makes sense.

    ``starts``: it lets agents work, which a repository's policy may keep for some. ``asks``: what a person with less
    right does is a request. ``nothing`` begins the refusal in another state. ``needs_attempt``: some agent has worked
    on the task. ``needs_hold``: a held task must be held by one of these, () = by whatever. ``reads_on``: the lines
    below belong to the text. ``offered`` is how "Now possible" shows it, "" = it does not, ``offered_in`` some of the
    legal states, ``rank`` its place there.
    """

    name: str
    act: Act
    role: str
    legal_in: frozenset[str]
    purpose: str
    example: str
    aliases: tuple[str, ...] = ()
    options: Mapping[str, Kind] = field(default_factory=dict)
    takes_text: Text = Text.NONE
    text_name: str = "TEXT"
    asks: bool = False
    starts: bool = False
    offered: str | Offer = ""
    nothing: str = ""
    needs_attempt: bool = False
    needs_hold: tuple[str, ...] = ()
    reads_on: bool = False
    offered_in: frozenset[str] = frozenset(EVERY_STATE)
    rank: int = 50

    @property
    def right(self) -> Right:
        return ROLES[self.role]

    @property
    def usage(self) -> str:
        """``/fleet run [agent=NAME] [TEXT]``"""
        words = [f"/fleet {self.name}", *(f"[{name}={kind.shown}]" for name, kind in self.options.items())]
        if self.takes_text is not Text.NONE:
            words.append(self.text_name if self.takes_text is Text.MUST else f"[{self.text_name}]")
        return " ".join(words)

    def may(self, right: Right) -> bool:
        return _RANK.index(right) >= _RANK.index(self.right)

    def legal(self, task: Task | None) -> bool:
        """Whether the issue's newest task is in a state for this."""
        if (task.state.value if task else NO_TASK) not in self.legal_in:
            return False
        if self.needs_attempt and (task is None or task.fence == 0):
            return False
        if task is None or task.state is not State.HELD or not self.needs_hold:
            return True
        return any(hold.split(":")[0] in self.needs_hold for hold in task.holds)


_COMMANDS: Final[dict[str, Command]] = {}
_FILES: Final = frozenset({"context", "grammar", "registry", "check", "reference", "answers"})


def command(
    *,
    role: str,
    legal_in: Collection[str],
    example: str,
    name: str = "",
    aliases: tuple[str, ...] = (),
    options: Mapping[str, Kind] | None = None,
    takes_text: Text = Text.NONE,
    text_name: str = "TEXT",
    asks: bool = False,
    starts: bool = False,
    offered: str | Offer = "",
    nothing: str = "",
    needs_attempt: bool = False,
    needs_hold: tuple[str, ...] = (),
    reads_on: bool = False,
    offered_in: Collection[str] = EVERY_STATE,
    rank: int = 50,
) -> Callable[[Act], Act]:
    """Declares a command; the first line of the function's docstring says what it does."""

    def register(act: Act) -> Act:
        called = name or act.__name__.rstrip("_")
        purpose = (act.__doc__ or "").strip().split("\n")[0]
        _COMMANDS[called] = Command(
            name=called,
            act=act,
            role=role,
            legal_in=frozenset(legal_in),
            purpose=purpose,
            example=example,
            aliases=aliases,
            options=dict(options or {}),
            takes_text=takes_text,
            text_name=text_name,
            asks=asks,
            starts=starts,
            offered=offered,
            nothing=nothing,
            needs_attempt=needs_attempt,
            needs_hold=needs_hold,
            reads_on=reads_on,
            offered_in=frozenset(offered_in),
            rank=rank,
        )
        return act

    return register


@cache
def commands() -> Mapping[str, Command]:
    """Every command by name, from the files of this package."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if module.name not in _FILES:
            importlib.import_module(f"{package}.{module.name}")
    return {name: _COMMANDS[name] for name in sorted(_COMMANDS)}


@cache
def by_word() -> Mapping[str, Command]:
    """Every command by its name and its aliases; ``/fleet`` alone asks for help."""
    found = {"": commands()["help"]}
    for one in commands().values():
        found |= dict.fromkeys((one.name, *one.aliases), one)
    return found


def possible(task: Task | None) -> list[str]:
    """What "Now possible" offers: never what would be refused."""
    state = task.state.value if task else NO_TASK
    usable = [x for x in commands().values() if x.offered and x.legal(task) and state in x.offered_in]
    in_order = sorted(usable, key=lambda x: (x.rank, x.name))
    shown = [x.offered if isinstance(x.offered, str) else x.offered(task) for x in in_order]
    return [x for x in shown if x]


def span_secs(value: str) -> int:
    """Seconds in ``30m``, ``2h``, ``1d``; 0 when it is none, or longer than a year."""
    match = re.fullmatch(r"([0-9]{1,5})(m|h|d)", value.lower())
    secs = int(match[1]) * {"m": 60, "h": 3600, "d": 86400}[match[2]] if match else 0
    return secs if secs <= 366 * 86400 else 0
