"""What a command is given, and what it may ask for: plain values, so that commands decide without doing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.core.facts import Account, Right
from bot.core.task import Task


@dataclass(frozen=True)
class Start:
    """A task of this issue; asked by a reader it becomes a request."""

    agent: str
    priority: str
    base: str
    note: str


@dataclass(frozen=True)
class Release:
    """A request or what waits at a gate may go on, as it was read; ``note`` is added to what the agent gets.

    ``commit`` is the beginning of the one that may be published, "" = not said.
    """

    note: str = ""
    commit: str = ""


@dataclass(frozen=True)
class Again:
    agent: str
    fresh: bool
    note: str


@dataclass(frozen=True)
class Stop:
    reason: str


@dataclass(frozen=True)
class Tell:
    """Words for the agent: an answer when it asked."""

    words: str


@dataclass(frozen=True)
class Change:
    """``priority`` and ``agent``: "" = as they are."""

    priority: str
    agent: str


@dataclass(frozen=True)
class Hold:
    reason: str


@dataclass(frozen=True)
class Unhold:
    pass


@dataclass(frozen=True)
class Refresh:
    """Look at the forge again and put right what it shows."""


@dataclass(frozen=True)
class Pause:
    """``agent`` "" = all; ``secs`` 0 = until somebody resumes; ``halt``: stop what runs, too."""

    agent: str
    secs: int
    reason: str
    halt: bool = False


@dataclass(frozen=True)
class Resume:
    agent: str


Deed = Start | Release | Again | Stop | Tell | Change | Hold | Unhold | Refresh | Pause | Resume


@dataclass(frozen=True)
class Stopped:
    """A pause in force. ``agent`` "" = all of them; ``whole_fleet`` False = this repository; ``until`` 0 = open end."""

    by: str
    at: float
    reason: str
    url: str
    agent: str = ""
    until: float = 0.0
    whole_fleet: bool = False
    source: str = "command"


@dataclass(frozen=True)
class AgentFacts:
    """An agent as people see it; ``unmet`` why it cannot take the task in question, "" = it can."""

    id: str
    agent_type: str
    status: str
    running: int
    slots: int
    last_seen: float
    unmet: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueueFacts:
    """``running`` and ``waiting`` are (issue, what is shown beside it) of this repository, the rest only counted."""

    running: Sequence[tuple[int, str]]
    waiting: Sequence[tuple[int, str]]
    running_elsewhere: int
    waiting_elsewhere: int


@dataclass(frozen=True)
class PingFacts:
    version: str
    queued: int
    last_webhook: float
    last_sweep: float


class Facts(Protocol):
    """What commands may look up; answered when asked, as it is at that moment."""

    def place(self, task: Task) -> int: ...
    def fitting(self, task: Task) -> int: ...
    def agent_names(self) -> Sequence[str]: ...
    def agents(self, task: Task | None) -> Sequence[AgentFacts]: ...
    def queue(self) -> QueueFacts: ...
    def pauses(self) -> Sequence[Stopped]: ...
    def running_here(self, agent: str = "") -> int: ...
    def holds(self) -> Sequence[str]: ...
    def log_tail(self, task: Task, attempt: int, lines: int) -> str: ...
    def ping(self) -> PingFacts: ...
    def status_link(self) -> str: ...


@dataclass(frozen=True)
class Context:
    """One command at the moment it runs. ``task`` is the issue's newest, None = there was never one."""

    person: Account
    right: Right
    number: int
    is_control: bool
    task: Task | None
    options: Mapping[str, str]
    text: str
    now: float
    facts: Facts

    def option(self, name: str) -> str:
        """ "" when it was not given."""
        return self.options.get(name, "")

    @property
    def the_task(self) -> Task:
        """For commands that are legal only when there is one."""
        if self.task is None:
            raise LookupError("legal_in let a command through that needs a task")
        return self.task


Says = str | Callable[[Context], str]


@dataclass(frozen=True)
class Outcome:
    """What is to be done, and what is answered; "" = a reaction is enough.

    ``says`` as a function is asked after the deeds, with what is then. ``kind`` names answers of which a newer one
    replaces an older ("" = each stands for itself).
    """

    deeds: Sequence[Deed] = ()
    says: Says = ""
    kind: str = ""
