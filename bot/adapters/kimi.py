"""Kimi Code: ``kimi --output-format stream-json -p TEXT`` (npm ``@moonshot-ai/kimi-code``; seen: 2.1.0).

It ignores standard input, and a word of a command line is limited to 128 KiB: so its prompt is one fixed
sentence that names the file with the task. Lines are messages (``role``); the last one,
``session.resume_hint``, is the positive end and the only place that names the session, so a killed run cannot
be resumed. Errors are on stderr: ``error: failed to run prompt: CODE: …``. Tokens are only in its own
session files; nothing is reported. A stream that was cut looks like a good end: git is the judge.

The package ``kimi-cli`` of PyPI is a placeholder that answers anything with a notice and exit 0: it has no version.
"""

import re
from collections.abc import Iterator
from typing import Final

from bot.adapters.base import Job, Line, Said
from bot.adapters.dialect import JsonLines
from bot.adapters.fields import Fields
from bot.adapters.trouble import judged
from bot.adapters.words import doing
from bot.core import adapter_text as text

_FAILED: Final = re.compile(r"error: failed to run prompt: (?:([a-z_]+\.[a-z_]+): )?(.*)")


class Kimi(JsonLines):
    """Kimi Code."""

    names = ("kimi", "kimi-code")
    binary = "kimi"
    prompt_on_stdin = False
    inherits = ("KIMI_API_KEY", "MOONSHOT_API_KEY")
    credentials = (".kimi-code/config.toml", ".kimi-code/credentials.json")
    silent = frozenset({"tool", "system.version"})

    def argv(self, job: Job) -> list[str]:
        words = ["kimi", "--output-format", "stream-json"]
        words += ["--model", job.model] if job.model else []
        words += ["--session", job.session] if job.resume else []
        return [*words, "-p", text.read_the_file(str(job.prompt_file))]

    def environment(self, job: Job) -> dict[str, str]:
        return {
            **super().environment(job),
            "KIMI_CODE_HOME": str(job.home / ".kimi-code"),
            "KIMI_DISABLE_TELEMETRY": "1",
            "KIMI_CODE_NO_AUTO_UPDATE": "1",
        }

    def kind_of(self, event: Fields) -> str:
        return event.text("type") if event.text("role") == "meta" else event.text("role")

    def feed(self, line: Line) -> Iterator[Said]:
        yield from super().feed(line)
        if line.stream == "stderr" and (failed := _FAILED.match(line.text)):
            self.trouble = judged(failed[2], kind=failed[1] or "")

    def event(self, kind: str, event: Fields) -> Iterator[Said]:
        match kind:
            case "assistant":
                self.retrying = ""
                for call in event.each("tool_calls"):
                    given = Fields.parse(call.text("function", "arguments")) or Fields()
                    yield doing(call.text("function", "name"), given.text("command") or given.text("path"))
                if event.text("content"):
                    yield from self.words.hear(event.text("content"))
            case "turn.step.retrying":
                self.retrying = event.text("error_message")
            case "session.resume_hint":
                yield from self.known_session(event.text("session_id"))
                yield from self.good(kind)
            case _:
                self.unknown(kind)
