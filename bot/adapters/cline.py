"""Cline CLI: ``cline --json`` (npm ``cline``; seen: 3.0.65).

Lines ``hook_event``, ``agent_event`` and at the end ``run_result`` with ``finishReason`` and
``aggregateUsage`` of this run. Error messages are the provider's words without a status. It reads the task
from a pipe only, after a fixed instruction. **It cannot resume** without its terminal interface. It ignores
SIGTERM, and without a log-in it hangs in silence: our limits end it.

The local backend starts no daemon; without it one would outlive the run. Telemetry is off as far as it can
be: it still asks for the name of one host.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.adapters.base import Job, Line, Said, Usage
from bot.adapters.dialect import JsonLines, stderr_error
from bot.adapters.fields import Fields
from bot.adapters.trouble import judged
from bot.adapters.words import doing

_INSTRUCTION = "Do the task given below."


class Cline(JsonLines):
    """Cline CLI."""

    names = ("cline",)
    binary = "cline"
    expands_prompt = True
    credentials = (".cline/data/settings/providers.json", ".cline/data/globalState.json", ".cline/data/secrets.json")
    silent = frozenset({"hook_event"})

    @property
    def can_resume(self) -> bool:
        return False

    def argv(self, job: Job) -> list[str]:
        words = ["cline", "--json", "--auto-approve", "true", "--cwd", str(job.workspace)]
        provider, slash, model = job.model.partition("/")
        if slash:
            words += ["-P", provider, "-m", model]
        elif job.model:
            words += ["-m", job.model]
        return [*words, _INSTRUCTION]

    def environment(self, job: Job) -> dict[str, str]:
        return {
            **super().environment(job),
            "CLINE_DATA_DIR": str(job.home / ".cline/data"),
            "CLINE_SESSION_BACKEND_MODE": "local",
            "CLINE_NO_AUTO_UPDATE": "1",
            "CLINE_GLOBAL_SETTINGS_PATH": str(job.home / ".cline/global-settings.json"),
        }

    def files(self, job: Job) -> Mapping[Path, bytes]:
        return {job.home / ".cline/global-settings.json": json.dumps({"telemetryOptOut": True}).encode()}

    def feed(self, line: Line) -> Iterator[Said]:
        yield from super().feed(line)
        if line.stream == "stderr" and self.trouble is None:
            self.trouble = stderr_error(line.text)

    def event(self, kind: str, event: Fields) -> Iterator[Said]:
        match kind:
            case "agent_event":
                yield from self._agent(event.at("event"))
            case "run_result":
                yield from self._result(event)
            case _:
                self.unknown(kind)

    def _agent(self, event: Fields) -> Iterator[Said]:
        match event.text("type"), event.text("contentType"):
            case "content_start", "tool":
                given = event.at("input")
                yield doing(event.text("toolName"), " && ".join(given.texts("commands")) or given.text("path"))
            case "content_end", "text":
                yield from self.words.hear(event.text("text"))
            case "error", _:
                error = event.at("error")
                self.trouble = judged(error.text("message"), kind=f"{event.text('errorClass')} {error.text('name')}")

    def _result(self, event: Fields) -> Iterator[Said]:
        used = event.at("aggregateUsage")
        tokens = (used.whole("inputTokens"), used.whole("outputTokens"), used.whole("cacheReadTokens"))
        yield Usage("run", *tokens, used.number("totalCost"), event.text("model", "id"), used.raw)
        reason = event.text("finishReason")
        if reason == "completed":
            yield from self.good("run_result/completed")
        else:
            yield from self.bad(f"run_result/{reason}", self.trouble or judged(event.text("text")))
