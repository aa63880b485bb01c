"""``exec``: any command of the operator's own. Exit 0 = done, anything else = failed.

It gets the prompt as ``prompt`` says (standard input, last argument, or the name of a file as last argument)
and always also in the file that ``AGENT_FLEET_PROMPT_FILE`` names. Words of the command may hold
``{prompt_file}``, ``{workspace}``, ``{model}`` and ``{session}``. It needs to print nothing; but on standard
output it may say::

    ::fleet progress TEXT     what it is doing now
    ::fleet check [ ] TEXT    an item of its checklist; [x] when it is done
    ::fleet summary TEXT      what was done, for the pull request; several add up
    ::fleet question TEXT     it needs an answer before it can go on; several add up
    ::fleet no-change WHY     nothing has to be changed, and why
"""

import re
from collections.abc import Iterator
from typing import Final

from bot.adapters.base import Adapter, Check, Exit, Job, Line, Outcome, Progress, Question, Said, Template, Verdict
from bot.core import agent_text as text
from bot.core import cleaning
from bot.core.errors import Refused
from bot.core.reasons import Reason

_SAYS: Final = re.compile(r"::fleet ([a-z-]+)(?: (.*))?")
_CHECK: Final = re.compile(r"\[([ xX])\] *(.*)")
_PLACE: Final = re.compile(r"\{(prompt_file|workspace|model|session)\}")
#: Characters kept of everything it may say.
_LONGEST: Final = 4000


class Exec(Adapter):
    """The operator's own command."""

    names = ("exec",)
    max_line_bytes = 64 * 1024

    def __init__(self, template: Template | None = None) -> None:
        super().__init__(template)
        self.prompt_on_stdin = self.template.prompt == "stdin"
        self._last = {"stdout": "", "stderr": ""}
        self._summary: list[str] = []
        self._question: list[str] = []
        self._no_change = ""
        self._unparsed = 0

    def argv(self, job: Job) -> list[str]:
        if not self.template.argv:
            raise Refused(text.exec_without_command(), text.give_it_a_command(), 422, "no_command")
        known = {
            "prompt_file": str(job.prompt_file),
            "workspace": str(job.workspace),
            "model": job.model,
            "session": job.session,
        }
        words = [_PLACE.sub(lambda found: known[found[1]], word) for word in self.template.argv]
        if self.template.prompt == "argument":
            # A prompt is text, never an option.
            words.append(f"\n{job.prompt}" if job.prompt.startswith("-") else job.prompt)
        if self.template.prompt == "file":
            words.append(str(job.prompt_file))
        return words

    def feed(self, line: Line) -> Iterator[Said]:
        if shown := cleaning.one_line(line.text, 500):
            self._last[line.stream] = shown
        said = _SAYS.fullmatch(line.text.strip()) if line.stream == "stdout" else None
        if said is None:
            return
        words = cleaning.plain(said[2] or "", _LONGEST).strip()
        match said[1]:
            case "progress" if words:
                yield Progress(words)
            case "check" if item := _CHECK.fullmatch(words):
                yield Check(item[2], item[1] != " ")
            case "summary" if words:
                self._summary.append(words)
            case "question" if words:
                self._question.append(words)
                yield Question(words)
            case "no-change" if words:
                self._no_change = words
            case _:
                self._unparsed += 1

    def finish(self, exit: Exit) -> Outcome:  # noqa: A002
        if exit.exit_code != 0:
            # Two pipes have no common order; what went wrong is said on stderr.
            last_line = self._last["stderr"] or self._last["stdout"]
            message = text.command_failed(exit.exit_code, exit.signal, last_line)
            reason = Reason.AGENT_FAILED if exit.signal is None else Reason.KILLED
            return Outcome(Verdict.FAILED, message, reason, unparsed=self._unparsed)
        if self._question:
            return Outcome(Verdict.QUESTION, _joined(self._question), unparsed=self._unparsed)
        if self._no_change:
            return Outcome(Verdict.NO_CHANGE, self._no_change, unparsed=self._unparsed)
        return Outcome(Verdict.DONE, _joined(self._summary), unparsed=self._unparsed)


def _joined(lines: list[str]) -> str:
    return "\n".join(lines)[:_LONGEST]
