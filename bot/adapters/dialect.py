"""What agent CLIs have in common: they report on themselves, line by line, and end with a result or without."""

import re
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Final

from bot.adapters.base import Adapter, Ended, Exit, Job, Line, Outcome, Said, SessionStarted, Template, Usage, Verdict
from bot.adapters.fields import Fields
from bot.adapters.trouble import Trouble, judged, recognised
from bot.adapters.words import Words
from bot.core import adapter_text as text
from bot.core import cleaning
from bot.core.reasons import Reason

#: Exit codes of programs that caught the signal and left by themselves: INT, KILL (of a child), TERM.
_TOLD_TO_GO: Final = (130, 137, 143)
_VERSION: Final = re.compile(r"(?:[A-Za-z][\w-]*[ /]){0,4}v?(\d+\.\d+\.\d+[\w.+-]*?)\.?(?: \([\w .-]+\))?")


class Dialect(Adapter):
    """One run of an agent CLI: remembers the session, the last message, the result and the last trouble."""

    #: Whether the CLI acts on ``@path`` and a leading ``/command`` in the prompt; then they are made inert.
    expands_prompt: ClassVar[bool] = False
    #: What an exit code alone says, where the CLI documents it.
    exit_reasons: ClassVar[Mapping[int, Reason]] = {}

    def __init__(self, template: Template | None = None) -> None:
        super().__init__(template)
        self.words = Words()
        self.unparsed = 0
        self.ended: Ended | None = None
        self.trouble: Trouble | None = None
        #: Why it waits and tries again; no progress, and no failure yet.
        self.retrying = ""
        self._session = ""
        self._stderr: deque[str] = deque(maxlen=20)

    @property
    def can_resume(self) -> bool:
        return True

    def stdin(self, job: Job) -> bytes:
        if not (self.expands_prompt and self.prompt_on_stdin):
            return super().stdin(job)
        # Seen in four CLIs: "@/etc/x" is replaced by the file, "/x" is a command; a zero-width space stops it.
        return f"{text.task_follows()}\n\n{job.prompt}".replace("@", "@\u200b").encode("utf-8", "replace")

    def version(self, output: str) -> str:
        """Only what looks like a version: there are placeholder packages that answer anything with a notice."""
        for line in output.splitlines():
            if found := _VERSION.fullmatch(line.strip()):
                return found[1]
        return ""

    def feed(self, line: Line) -> Iterator[Said]:
        if line.stream == "stdout":
            yield from self.heard(line)
        elif shown := cleaning.one_line(line.text, 500):
            self._stderr.append(shown)

    @abstractmethod
    def heard(self, line: Line) -> Iterator[Said]:
        """What one line of standard output says."""

    def known_session(self, session: str) -> Iterator[Said]:
        if session and session != self._session:
            self._session = session
            yield SessionStarted(session)

    def good(self, event: str) -> Iterator[Said]:
        """The positive terminal event."""
        self.trouble, self.retrying = None, ""
        self.ended = Ended(True, event, self.words.message)
        yield self.ended

    def bad(self, event: str, trouble: Trouble) -> Iterator[Said]:
        """A terminal event that says it failed."""
        self.trouble = trouble
        self.ended = Ended(False, event, trouble.message)
        yield self.ended

    def read(self, exit: Exit) -> Iterator[Usage]:  # noqa: A002, ARG002 - most have none
        """What the files asked for by ``reads`` say; may set the terminal event."""
        yield from ()

    def finish(self, exit: Exit) -> Outcome:  # noqa: A002
        usage = tuple(self.read(exit))
        event = self.ended.event if self.ended else ""
        if exit.exit_code == 0 and self.ended and self.ended.good:
            verdict, message = self.words.verdict()
            return Outcome(verdict, message, None, event, self._session, self.unparsed, usage)
        why = self._why(exit)
        return Outcome(
            Verdict.FAILED, why.message, why.reason, event, self._session, self.unparsed, usage, start_afresh=why.afresh
        )

    def _why(self, exit: Exit) -> Trouble:  # noqa: A002
        if exit.signal is not None or exit.exit_code in _TOLD_TO_GO:
            last = self.trouble.message if self.trouble else self.retrying
            return Trouble(Reason.KILLED, text.killed(exit.signal, cleaning.one_line(last)))
        known = self.exit_reasons.get(exit.exit_code or 0)
        if self.trouble is not None:
            if known is not None and self.trouble.reason is Reason.MODEL_ERROR:  # its words told no more
                return replace(self.trouble, reason=known)
            return self.trouble
        last = self._stderr[-1] if self._stderr else ""
        if known is not None:
            return Trouble(known, text.no_result(exit.exit_code, last))
        if self.ended is not None and self.ended.good:
            return Trouble(Reason.CRASHED, text.result_but_failed(exit.exit_code))
        if exit.exit_code != 0:
            told = [*reversed(self._stderr)]
            for line in (*(one for one in told if _names_itself(one)), *told):
                if found := recognised(line):
                    return found
        return Trouble(Reason.CRASHED, text.no_result(exit.exit_code, last))


def _names_itself(line: str) -> bool:
    """Whether a line calls itself an error: it says more than the advice and the stack around it."""
    return line.lower().startswith("error")


class JsonLines(Dialect):
    """One JSON object per line of standard output."""

    #: Events that are understood and say nothing to us.
    silent: ClassVar[frozenset[str]] = frozenset()

    def heard(self, line: Line) -> Iterator[Said]:
        if not line.text.strip():
            return
        event = None if line.cut else Fields.parse(line.text)
        if event is None:
            self.unparsed += 1
            return
        yield from self.event(self.kind_of(event), event)

    def kind_of(self, event: Fields) -> str:
        return event.text("type")

    @abstractmethod
    def event(self, kind: str, event: Fields) -> Iterator[Said]:
        """What one event says."""

    def unknown(self, kind: str) -> None:
        """Count what no branch understood: a CLI may say more tomorrow than today."""
        if kind not in self.silent:
            self.unparsed += 1


def stderr_error(line: str) -> Trouble | None:
    """The error in a JSON object ``{"type" | "status": "error", "message"}``, as some CLIs write to stderr."""
    said = Fields.parse(line)
    if said is None or "error" not in (said.text("type"), said.text("status")):
        return None
    return judged(said.text("message"))
