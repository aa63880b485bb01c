"""GitHub Copilot CLI: ``copilot --output-format json`` (npm ``@github/copilot``; seen: 1.0.102).

Lines ``{type, data}``; the last one is ``result`` with ``exitCode`` and ``sessionId``. Why it failed stands in
``session.error`` (``errorType``, ``statusCode``) before it. The stream counts premium requests only; tokens
are in the file named by ``--usage-output-file``, for this run. Without a log-in it exits 1 and says so on stderr.

It masks the key wherever it occurs in its output: a key of one letter would break the JSON. It unpacks 239 MB
per cache directory.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bot.adapters.base import Exit, Job, Said, Usage
from bot.adapters.dialect import JsonLines
from bot.adapters.fields import Fields
from bot.adapters.trouble import judged
from bot.adapters.words import doing

_USAGE = "copilot-usage.json"


class Copilot(JsonLines):
    """GitHub Copilot CLI."""

    names = ("copilot",)
    binary = "copilot"
    inherits = (
        "COPILOT_GITHUB_TOKEN",
        "COPILOT_PROVIDER_BASE_URL",
        "COPILOT_PROVIDER_API_KEY",
        "COPILOT_MODEL",
        "COPILOT_OFFLINE",
    )
    credentials = (".copilot/config.json",)
    silent = frozenset(
        {
            "abort",
            "agent.interrupted",
            "assistant.idle",
            "assistant.message_delta",
            "assistant.message_start",
            "assistant.reasoning",
            "assistant.reasoning_delta",
            "assistant.tool_call_delta",
            "assistant.turn_end",
            "assistant.turn_start",
            "model.call_failure",
            "model.call_final_result",
            "model.call_finished",
            "model.call_start",
            "session.background_tasks_changed",
            "session.info",
            "session.mcp_servers_loaded",
            "session.skills_loaded",
            "session.tools_updated",
            "session.usage_info",
            "tool.execution_complete",
            "tool.execution_partial_result",
            "user.message",
        }
    )

    def argv(self, job: Job) -> list[str]:
        words = ["copilot", "--output-format", "json", "--allow-all", "--deny-tool", "shell(git push)"]
        words += ["--no-ask-user", "--no-auto-update", "--no-color"]
        words += ["--usage-output-file", str(job.run_dir / _USAGE)]
        words += ["--model", job.model] if job.model else []
        if job.session:
            words += [f"--resume={job.session}"] if job.resume else ["--session-id", job.session]
        return words

    def environment(self, job: Job) -> dict[str, str]:
        return {
            **super().environment(job),
            "COPILOT_HOME": str(job.home / ".copilot"),
            "COPILOT_AUTO_UPDATE": "false",
        }

    def reads(self, job: Job) -> Sequence[Path]:
        return (job.run_dir / _USAGE,)

    def event(self, kind: str, event: Fields) -> Iterator[Said]:
        data = event.at("data")
        match kind:
            case "assistant.message":
                self.retrying = ""
                if data.text("content") and not data.text("parentToolCallId"):
                    yield from self.words.hear(data.text("content"))
            case "tool.execution_start":
                given = data.at("arguments")
                yield doing(data.text("toolName"), given.text("command") or given.text("path"))
            case "assistant.turn_retry":
                self.retrying = data.text("reason")
            case "session.error":
                self.trouble = judged(data.text("message"), data.whole("statusCode"), data.text("errorType"))
            case "result":
                yield from self.known_session(event.text("sessionId"))
                yield from self._result(event)
            case _:
                self.unknown(kind)

    def _result(self, event: Fields) -> Iterator[Said]:
        if event.number("exitCode") == 0:
            yield from self.good("result/0")
        else:
            yield from self.bad("result/error", self.trouble or judged(""))

    def read(self, exit: Exit) -> Iterator[Usage]:  # noqa: A002
        yield from (usage for data in exit.files.values() for usage in _metrics(_by_model(data)))


def _by_model(data: bytes) -> Mapping[str, Fields]:
    """``modelMetrics`` of the usage file: by model."""
    said = Fields.parse(data.decode("utf-8", "replace"))
    return dict(said.entries("modelMetrics")) if said else {}


def _metrics(metrics: Mapping[str, Fields]) -> Iterator[Usage]:
    for model, of_model in metrics.items():
        used = of_model.at("usage")
        yield Usage(
            "run",
            used.whole("inputTokens"),
            used.whole("outputTokens"),
            used.whole("cacheReadTokens"),
            model=model,
            raw=of_model.raw,
        )
