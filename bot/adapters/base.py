"""What every adapter is: how one agent CLI is started, what its output means, and how its end is judged.

Pure: no process, no clock, no network, no file is touched here. The same object serves the pull agent, a host
over SSH and a recorded transcript. One object is one run: ``feed`` remembers what it has seen for ``finish``.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from bot.core import agent_text as text
from bot.core.errors import Refused
from bot.core.reasons import Reason

#: The variable that names the file with the prompt, for every adapter.
PROMPT_FILE = "AGENT_FLEET_PROMPT_FILE"


@dataclass(frozen=True)
class Job:
    """One run to start. ``prompt_file`` holds the same text as ``prompt`` and lies outside ``workspace``.

    ``run_dir`` is a directory of this run alone, for files a CLI is told to write. ``session`` is the id to
    give to a new session, or with ``resume`` the one to go on with. Raises Refused (``prompt_invalid``) for a
    NUL in the prompt or the model's name: no command line could hold it.
    """

    prompt: str = field(repr=False)
    prompt_file: Path
    workspace: Path
    run_dir: Path
    home: Path
    session: str = ""
    resume: bool = False
    model: str = ""
    timeout_secs: float = 3600.0

    def __post_init__(self) -> None:
        if "\0" in self.prompt + self.model + self.session:
            raise Refused(text.prompt_holds_nul(), status=422, kind=Reason.PROMPT_INVALID.value)


@dataclass(frozen=True)
class Line:
    """One line of output without its end. ``stream`` is "stdout" or "stderr"; ``cut``: it was longer."""

    stream: str
    text: str
    cut: bool = False


@dataclass(frozen=True)
class Progress:
    """A sentence about what is being done now."""

    text: str


@dataclass(frozen=True)
class Check:
    """One item of the agent's checklist; the same text again updates it."""

    text: str
    done: bool


@dataclass(frozen=True)
class Question:
    """The agent cannot go on without a person's answer."""

    text: str


@dataclass(frozen=True)
class SessionStarted:
    """The id under which this session can be resumed."""

    session: str


@dataclass(frozen=True)
class Usage:
    """Tokens and cost as the CLI reports them; its own words are in ``raw``.

    ``kind``: "run" = this run, "step" = one step of it, to be added up, "session" = the whole session so far.
    ``input_tokens`` include the cached ones, ``output_tokens`` those of reasoning, whatever the CLI's habit.
    ``cost_usd`` None = it does not say. Several of one run are of different models, or steps.
    """

    kind: str
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None
    model: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """The CLI's own terminal event; ``event`` is its name in the dialect (``result/success``).

    Some CLIs try again after one: the last counts.
    """

    good: bool
    event: str
    message: str = ""


Said = Progress | Check | Question | SessionStarted | Usage | Ended


@dataclass(frozen=True)
class Exit:
    """How the process ended: ``exit_code`` or ``signal`` is set. ``files`` are those that ``reads`` asked for."""

    exit_code: int | None
    signal: int | None = None
    files: Mapping[Path, bytes] = field(default_factory=dict)


class Verdict(StrEnum):
    """What a run came to; the names are the API's outcomes."""

    DONE = "done"
    FAILED = "failed"
    NO_CHANGE = "no_change"
    QUESTION = "question"


@dataclass(frozen=True)
class Outcome:
    """The adapter's judgement of a run; whether there are changes is for git to say.

    ``message``: the summary, the question, why nothing is to be changed, or what went wrong. ``reason`` is set
    when it failed. ``terminal_event`` is "" for a command that has none; ``unparsed`` lines were not understood.
    ``session`` "" = the one in the job. ``usage`` adds to what ``feed`` said (from files that the CLI left).
    ``start_afresh``: the session is gone or full, so resuming it again is of no use.
    """

    verdict: Verdict
    message: str = ""
    reason: Reason | None = None
    terminal_event: str = ""
    session: str = ""
    unparsed: int = 0
    usage: tuple[Usage, ...] = ()
    start_afresh: bool = False


@dataclass(frozen=True)
class Template:
    """What the configuration adds: a command of the operator's own, and variables to pass through by name."""

    argv: tuple[str, ...] = ()
    prompt: str = "stdin"
    env: tuple[str, ...] = ()


class Adapter(ABC):
    """One agent CLI. A subclass in a file of its own in this folder is all that a new one needs."""

    #: The agent types it serves; the first one is its name.
    names: ClassVar[tuple[str, ...]]
    #: The program to look for; "" when the configuration names it.
    binary: ClassVar[str] = ""
    prompt_on_stdin: bool = True
    #: Longer lines reach ``feed`` shortened.
    max_line_bytes: ClassVar[int] = 16 * 1024 * 1024
    #: Variables of the operator's environment that it needs, such as its API key.
    inherits: ClassVar[tuple[str, ...]] = ()
    #: Files below the operator's home that hold its log-in or providers; to be copied to the same place below
    #: ``job.home``, which is the agent's whole home.
    credentials: ClassVar[tuple[str, ...]] = ()

    def __init__(self, template: Template | None = None) -> None:
        self.template = template or Template()

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def passed_through(self) -> tuple[str, ...]:
        """Names of the operator's variables that the command gets; nothing else of that environment reaches it."""
        return tuple(dict.fromkeys((*self.inherits, *self.template.env)))

    @abstractmethod
    def argv(self, job: Job) -> list[str]:
        """The command line of a new session, or with ``job.resume`` of one that goes on."""

    def environment(self, job: Job) -> dict[str, str]:
        """Variables of its own (state directories, updates and telemetry off)."""
        return {PROMPT_FILE: str(job.prompt_file)}

    def files(self, job: Job) -> Mapping[Path, bytes]:  # noqa: ARG002 - most need none
        """Files to lay out below ``job.home`` or ``job.run_dir`` first (settings a CLI takes only from a file)."""
        return {}

    def reads(self, job: Job) -> Sequence[Path]:  # noqa: ARG002
        """Files it wants to see in ``finish``, as far as the run has left them."""
        return ()

    def stdin(self, job: Job) -> bytes:
        """What it is fed; then its input is closed. Half a character (a lone surrogate) becomes ``?``."""
        return job.prompt.encode("utf-8", "replace") if self.prompt_on_stdin else b""

    @abstractmethod
    def feed(self, line: Line) -> Iterator[Said]:
        """What one line says. Unknown lines are counted, never an error."""

    @abstractmethod
    def finish(self, exit: Exit) -> Outcome:  # noqa: A002 - it is the process's exit
        """The judgement: good only with exit 0 *and* the positive terminal event where the CLI has one."""

    @property
    def can_resume(self) -> bool:
        """Whether ``job.resume`` has a meaning."""
        return False

    def probe(self) -> list[str]:
        """A command that tells the version without calling a model; [] when there is none."""
        return [self.binary, "--version"] if self.binary else []

    def version(self, output: str) -> str:
        """The version in the words of ``probe``'s output."""
        return output.strip().splitlines()[0][:100] if output.strip() else ""
