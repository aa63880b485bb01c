"""Gemini CLI: ``gemini -o stream-json`` (npm ``@google/gemini-cli``; seen: 0.61.0).

One JSON object per line: ``init``, ``message`` (the answer comes in pieces, ``delta``), ``tool_use``,
``tool_result``, ``error``, and at the end ``result`` with ``status``. Exit codes are the HTTP status modulo
256 (401 → 145, 429 → 173), 41 without a log-in, 42 for a session that is not there, 53 for its turn limit;
killed by SIGTERM it exits **0**, without a ``result``. ``stats`` count this run; there is no cost.

Left alone it retries ten times, for minutes. That, its update check, telemetry and the names of instruction
files can only be set in the settings of its home, so we write those; a file named by
``GEMINI_CLI_SYSTEM_SETTINGS_PATH`` is skipped in silence unless root owns it and its folder. It logs in with a
key unless ``GEMINI_AUTH_TYPE``, a variable of ours that those settings read, says otherwise (``oauth-personal``,
``vertex-ai``). Its shell ignores the global git configuration.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from bot.adapters.base import Job, Line, Said, Usage
from bot.adapters.dialect import JsonLines
from bot.adapters.fields import Fields
from bot.adapters.trouble import Trouble, judged
from bot.adapters.words import doing
from bot.core.reasons import Reason

_SETTINGS = {
    # Without it, a base address of one's own means a kind of gateway that it then refuses.
    "security": {"auth": {"selectedType": "${GEMINI_AUTH_TYPE:-gemini-api-key}"}},
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False, "maxAttempts": 2},
    "telemetry": {"enabled": False},
    "context": {"fileName": ["AGENTS.md", "GEMINI.md"]},
}
_TELLING = ("command", "file_path", "absolute_path", "path", "pattern", "query", "prompt")


class Gemini(JsonLines):
    """Gemini CLI."""

    names = ("gemini", "gemini-cli")
    binary = "gemini"
    expands_prompt = True
    inherits = (
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        "GOOGLE_GEMINI_BASE_URL",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_CLOUD_LOCATION",
        "GEMINI_AUTH_TYPE",
    )
    credentials = (".gemini/oauth_creds.json", ".gemini/google_accounts.json")
    silent = frozenset({"tool_result"})
    exit_reasons: ClassVar = {
        41: Reason.AUTH,
        53: Reason.BUDGET,
        401 & 255: Reason.AUTH,
        403 & 255: Reason.AUTH,
        429 & 255: Reason.RATE_LIMITED,
    }

    def argv(self, job: Job) -> list[str]:
        words = ["gemini", "--output-format", "stream-json", "--approval-mode", "yolo", "--skip-trust"]
        words += ["-m", job.model] if job.model else []
        if job.session:
            words += ["--resume" if job.resume else "--session-id", job.session]
        return [*words, "-p", ""]

    def environment(self, job: Job) -> dict[str, str]:
        return {**super().environment(job), "GEMINI_TELEMETRY_ENABLED": "false"}

    def files(self, job: Job) -> Mapping[Path, bytes]:
        return {job.home / ".gemini/settings.json": json.dumps(_SETTINGS).encode()}

    def feed(self, line: Line) -> Iterator[Said]:
        yield from super().feed(line)
        if line.stream == "stderr" and line.text.startswith("Attempt "):
            self.retrying = line.text

    def event(self, kind: str, event: Fields) -> Iterator[Said]:
        match kind:
            case "init":
                yield from self.known_session(event.text("session_id"))
            case "message":
                if event.text("role") == "assistant":
                    self.words.part(event.text("content"))
            case "tool_use":
                self.retrying = ""
                yield from self.words.complete()
                given = event.at("parameters")
                yield doing(
                    event.text("tool_name"), next((said for name in _TELLING if (said := given.text(name))), "")
                )
            case "error":
                self.retrying = event.text("message")
            case "result":
                yield from self.words.complete()
                yield from self._result(event)
            case _:
                self.unknown(kind)

    def _result(self, event: Fields) -> Iterator[Said]:
        for model, used in event.entries("stats", "models"):
            tokens = (used.whole("input_tokens"), used.whole("output_tokens"), used.whole("cached"))
            yield Usage("run", *tokens, model=model, raw=used.raw)
        if event.text("status") == "success":
            yield from self.good("result/success")
            return
        name, message = event.text("error", "type"), event.text("error", "message")
        if name == "FatalTurnLimitedError":
            trouble = Trouble(Reason.BUDGET, message)
        else:  # what follows the first line is advice about quotas, whatever the limit was
            trouble = replace(judged(message.split("\n")[0], kind=name), message=message)
        yield from self.bad("result/error", trouble)
