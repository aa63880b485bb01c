"""Claude Code: ``claude -p --output-format stream-json`` (npm ``@anthropic-ai/claude-code``; seen: 2.1.330, 2.1.197).

One JSON object per line: ``system/init``, ``assistant``, ``user`` (tool results), ``system/api_retry``, and at
the end ``result``, whose keys come in any order. Good is ``is_error: false`` with ``terminal_reason:
completed``; ``subtype`` says "success" even for API errors. The session is ours to choose.

``total_cost_usd`` and ``modelUsage`` count the whole session in 2.1.330 and one run in 2.1.197; the newer one
says ``model_usage_since_last_result`` besides, so this run is known in both.

``--setting-sources user`` keeps the repository's settings, and so its hooks, from running; AGENTS.md and
CLAUDE.md are then not read either. Without ``CLAUDE_CODE_MAX_RETRIES`` a wrong key takes three minutes.
``IS_SANDBOX`` is asked for when it runs as root.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from bot.adapters.base import Job, Said, Usage
from bot.adapters.dialect import JsonLines
from bot.adapters.fields import Fields
from bot.adapters.trouble import Trouble, judged
from bot.adapters.words import doing
from bot.core.reasons import Reason

#: Names of a tool's most telling argument.
_TELLING = ("command", "file_path", "path", "pattern", "query", "url", "description", "prompt")


class StreamJson(JsonLines):
    """The dialect that Claude Code began and Qwen Code speaks too."""

    expands_prompt = True
    #: What its terminal event says when a limit of its own was reached.
    budget_events: ClassVar[frozenset[str]] = frozenset({"error_max_turns", "error_max_budget_usd"})

    def event(self, kind: str, event: Fields) -> Iterator[Said]:
        yield from self.known_session(event.text("session_id"))
        match kind:
            case "assistant":
                yield from self._assistant(event)
            case "system" if event.text("subtype") in ("api_retry", "retry"):
                self.retrying = " ".join(
                    (str(event.whole("error_status") or ""), event.text("error") or event.text("data", "reason"))
                ).strip()
            case "system" | "user":
                pass
            case "result":
                yield from self._result(event)
            case _:
                self.unknown(kind)

    def _assistant(self, event: Fields) -> Iterator[Said]:
        self.retrying = ""
        if event.says("is_api_error_message"):
            return  # the result says it again, and why
        inner = bool(event.text("parent_tool_use_id"))  # a sub-agent's message is not the agent's
        for part in event.each("message", "content"):
            if part.text("type") == "tool_use":
                given = part.at("input")
                yield doing(part.text("name"), next((said for name in _TELLING if (said := given.text(name))), ""))
            elif part.text("type") == "text" and not inner:
                yield from self.words.hear(part.text("text"))

    def _result(self, event: Fields) -> Iterator[Said]:
        yield from self.used(event)
        if event.says("is_error") is False and self.completed(event):
            yield from self.good("result/success")
            return
        subtype, kind = event.text("subtype"), event.text("terminal_reason")
        message = event.text("result") or event.text("error", "message") or "; ".join(event.texts("errors"))
        if subtype in self.budget_events:
            trouble = Trouble(Reason.BUDGET, message or subtype)
        else:
            trouble = judged(message, event.whole("api_error_status"), f"{kind} {event.text('api_error_type')}")
        yield from self.bad(f"result/{kind or subtype}", trouble)

    def completed(self, event: Fields) -> bool:
        return event.text("subtype") == "success"

    @abstractmethod
    def used(self, event: Fields) -> Iterator[Said]:
        """The usage that the terminal event tells of; each dialect counts another way."""


class ClaudeCode(StreamJson):
    """Claude Code."""

    names = ("claude-code", "claude")
    binary = "claude"
    inherits = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_OAUTH_TOKEN")
    credentials = (".claude/.credentials.json",)
    silent = frozenset({"stream_event", "rate_limit_event", "tool_progress"})

    def argv(self, job: Job) -> list[str]:
        words = ["claude", "-p", "--output-format", "stream-json", "--verbose"]
        words += ["--permission-mode", "bypassPermissions", "--strict-mcp-config", "--setting-sources", "user"]
        words += ["--disallowedTools", "AskUserQuestion", "Bash(git push:*)"]
        words += ["--model", job.model] if job.model else []
        if job.session:
            words += ["--resume" if job.resume else "--session-id", job.session]
        return words

    def environment(self, job: Job) -> dict[str, str]:
        return {
            **super().environment(job),
            "CLAUDE_CONFIG_DIR": str(job.home / ".claude"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_MAX_RETRIES": "2",
            "IS_SANDBOX": "1",
        }

    def completed(self, event: Fields) -> bool:
        return event.text("terminal_reason") == "completed"

    def used(self, event: Fields) -> Iterator[Said]:
        per_model = "model_usage_since_last_result"
        for model, used in event.entries(per_model if per_model in event.raw else "modelUsage"):
            cached = used.whole("cacheReadInputTokens")
            yield Usage(
                "run",
                used.whole("inputTokens") + cached + used.whole("cacheCreationInputTokens"),
                used.whole("outputTokens"),
                cached,
                used.number("costUSD"),
                model,
                used.raw,
            )
