"""Aider: ``aider --message-file FILE`` (PyPI ``aider-chat``; seen: 0.86.2).

Plain text on standard output, and **exit 0 whatever happens**. The positive end is a ``message_send`` event in
the log that ``--analytics-log`` writes into the run's directory (nothing is sent anywhere), with no
``litellm.…Error`` as the last thing said; whether anything changed is for git to say. Tokens and cost of this
run stand in the same events. It commits by itself. A session is its chat history file; ``--restore-chat-history``
goes on with it. Its retries (up to 107 s) cannot be capped. It still asks for the name of one host.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bot.adapters.base import Ended, Exit, Job, Line, Said, Template, Usage
from bot.adapters.dialect import Dialect
from bot.adapters.fields import Fields
from bot.adapters.trouble import judged
from bot.adapters.words import Words, doing
from bot.core import cleaning

_ERROR: Final = re.compile(r"litellm\.(\w+): *(.*)")
#: Aider's own words behind an error; they name quotas and keys whatever the error was.
_ADVICE: Final = re.compile(r"The API provider|Retrying in|$")
_SENT: Final = re.compile(r"Tokens: .* sent, .* received\.?.*")
_EDIT: Final = re.compile(r"(?:Applied edit to|Commit [0-9a-f]{7,}) (.*)")
_CHAT: Final = "chat.md"
_LOG: Final = "aider.jsonl"
_CALM: Final = (
    "--yes-always",
    "--no-pretty",
    "--no-stream",
    "--no-check-update",
    "--no-show-release-notes",
    "--no-show-model-warnings",
    "--no-gitignore",
    "--no-detect-urls",
    "--no-suggest-shell-commands",
    "--disable-playwright",
    "--no-analytics",
    "--analytics-log",
)


class Aider(Dialect):
    """Aider."""

    names = ("aider",)
    binary = "aider"
    prompt_on_stdin = False
    inherits = ("OPENAI_API_KEY", "OPENAI_API_BASE", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY")
    credentials = (".aider.conf.yml", ".aider.model.settings.yml")

    def __init__(self, template: Template | None = None) -> None:
        super().__init__(template)
        self._error: tuple[str, str] | None = None
        self._in_error = False

    def argv(self, job: Job) -> list[str]:
        words = ["aider", "--message-file", str(job.prompt_file), *_CALM, str(job.run_dir / _LOG)]
        words += ["--chat-history-file", str(job.home / _CHAT), "--input-history-file", str(job.home / "input")]
        words += ["--model", job.model] if job.model else []
        return [*words, "--auto-commits", *(["--restore-chat-history"] if job.resume else [])]

    def environment(self, job: Job) -> dict[str, str]:
        return {**super().environment(job), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}

    def reads(self, job: Job) -> Sequence[Path]:
        return (job.run_dir / _LOG,)

    def heard(self, line: Line) -> Iterator[Said]:
        said = line.text.strip()
        if found := _ERROR.match(said):
            self._error, self._in_error = (found[1], found[2]), True
            self.retrying = cleaning.one_line(said)
        elif _SENT.fullmatch(said):
            self._error, self._in_error, self.retrying = None, False, ""
            yield from self.words.complete()
        elif found := _EDIT.fullmatch(said):
            yield doing("edit" if said.startswith("Applied") else "commit", found[1])
        elif _ADVICE.match(said):
            self._in_error = False
        elif self._in_error and self._error is not None:
            # Its lines are broken at 80 characters, in the middle of an error's words too.
            self._error = (self._error[0], f"{self._error[1]} {said}"[:2000])
        elif said.startswith(("Repo-map: ", "Restored previous conversation")):
            yield from self.known_session(_CHAT)
            self.words = Words()  # what came before is about aider itself
        elif said:
            self.words.part(f"{said}\n")

    def read(self, exit: Exit) -> Iterator[Usage]:  # noqa: A002
        sent = False
        for data in exit.files.values():
            for line in data.decode("utf-8", "replace").splitlines():
                event = Fields.parse(line)
                if event is not None and event.text("event") == "message_send":
                    sent = True
                    yield _usage(event.at("properties"))
        if self._error is not None:
            self.trouble = judged(self._error[1], kind=self._error[0])
            self.ended = Ended(False, f"litellm.{self._error[0]}", self.trouble.message)
        elif sent:
            self.ended = Ended(True, "message_send", self.words.message)


def _usage(said: Fields) -> Usage:
    model = said.text("main_model")  # of a model that aider does not know it tells no name
    return Usage(
        "step",
        said.whole("prompt_tokens"),
        said.whole("completion_tokens"),
        cost_usd=said.number("cost"),
        model="" if model.endswith("/REDACTED") else model,
        raw=said.raw,
    )
