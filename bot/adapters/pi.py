"""pi: ``pi -p --mode json`` (npm ``@mariozechner/pi-coding-agent``; seen: 0.73.1).

One JSON object per line. The turn ends with ``agent_end``; whether well, says the ``stopReason`` of the last
assistant ``message_end`` ("stop" or "error"). **It exits 0 on API errors too**, and a stream that was cut looks like a
good end: git is the judge. After an error it may begin again (``auto_retry_start``). Tokens and cost are per
message, to be added up.

The session is not ours to choose; it is found again only from the same directory. It has no permission system.
"""

from collections.abc import Iterator

from bot.adapters.base import Job, Said, Template, Usage
from bot.adapters.dialect import JsonLines
from bot.adapters.fields import Fields
from bot.adapters.trouble import judged
from bot.adapters.words import doing


class Pi(JsonLines):
    """pi."""

    names = ("pi",)
    binary = "pi"
    inherits = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY")
    credentials = (".pi/agent/auth.json", ".pi/agent/models.json", ".pi/agent/settings.json")
    silent = frozenset(
        {
            "agent_start",
            "turn_start",
            "turn_end",
            "message_start",
            "message_update",
            "tool_execution_update",
            "tool_execution_end",
            "auto_retry_end",
            "compaction_end",
            "queue_update",
        }
    )

    def __init__(self, template: Template | None = None) -> None:
        super().__init__(template)
        self._stop = ""
        self._error = ""

    def argv(self, job: Job) -> list[str]:
        words = ["pi", "-p", "--mode", "json", "--no-extensions"]
        provider, slash, model = job.model.partition("/")
        if slash:
            words += ["--provider", provider, "--model", model]
        elif job.model:
            words += ["--model", job.model]
        return words + (["--session", job.session] if job.resume else [])

    def environment(self, job: Job) -> dict[str, str]:
        return {
            **super().environment(job),
            "PI_CODING_AGENT_DIR": str(job.home / ".pi/agent"),
            "PI_OFFLINE": "1",
            "PI_TELEMETRY": "0",
        }

    def event(self, kind: str, event: Fields) -> Iterator[Said]:
        match kind:
            case "session":
                yield from self.known_session(event.text("id"))
            case "message_end":
                if event.text("message", "role") == "assistant":
                    yield from self._message(event.at("message"))
            case "tool_execution_start":
                given = event.at("args")
                yield doing(event.text("toolName"), given.text("command") or given.text("path"))
            case "agent_end":
                yield from self._end()
            case "auto_retry_start" | "compaction_start":
                self.retrying = event.text("errorMessage") or event.text("reason")
            case _:
                self.unknown(kind)

    def _message(self, message: Fields) -> Iterator[Said]:
        self._stop, self._error = message.text("stopReason"), message.text("errorMessage")
        said = "\n".join(part.text("text") for part in message.each("content") if part.text("type") == "text")
        if said.strip():
            yield from self.words.hear(said)
        used = message.at("usage")
        if used.whole("totalTokens"):
            yield _usage(used, message.text("model"))

    def _end(self) -> Iterator[Said]:
        if self._stop == "stop":
            yield from self.good("agent_end/stop")
        else:
            yield from self.bad(f"agent_end/{self._stop}", judged(self._error))


def _usage(used: Fields, model: str) -> Usage:
    cached = used.whole("cacheRead")
    return Usage(
        "step",
        used.whole("input") + cached + used.whole("cacheWrite"),
        used.whole("output"),
        cached,
        used.number("cost", "total"),
        model,
        used.raw,
    )
