"""OpenAI Codex CLI: ``codex exec --json`` (npm ``@openai/codex``; seen: 0.169.0).

One JSON object per line: ``thread.started`` with the session, ``item.*`` with what is done, and at the end
``turn.completed`` or ``turn.failed``. A plain ``error`` is mostly a retry ("Reconnecting… 2/5") and decides
nothing. Token counts add up over the whole thread; there is no cost.

Its sandbox (``workspace-write``) keeps writes inside the workspace, leaves it without network and ``.git``
read-only, so commits are ours to make. It retries five times (up to 24 s); the cap can be set only in
``[model_providers.X]`` of the operator's own configuration. Without a network it waits for ever: the time
limit ends it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.adapters.base import Check, Job, Said, Usage
from bot.adapters.dialect import JsonLines
from bot.adapters.fields import Fields
from bot.adapters.trouble import judged
from bot.adapters.words import doing

#: No look for updates, no telemetry, nothing fetched at start; the model's key stays out of the agent's shell.
_SETTINGS = (
    "check_for_update_on_startup=false",
    "analytics.enabled=false",
    "features.plugins=false",
    "features.apps=false",
    "shell_environment_policy.ignore_default_excludes=false",
)


class Codex(JsonLines):
    """OpenAI Codex CLI."""

    names = ("codex-cli", "codex")
    binary = "codex"
    inherits = ("OPENAI_API_KEY", "CODEX_API_KEY")
    credentials = (".codex/auth.json", ".codex/config.toml")
    silent = frozenset({"turn.started", "item.updated"})

    def argv(self, job: Job) -> list[str]:
        words = ["codex", "exec", "--json", "--skip-git-repo-check", "--color", "never", "-s", "workspace-write"]
        for setting in _SETTINGS:
            words += ["-c", setting]
        words += ["-m", job.model] if job.model else []
        words += ["-C", str(job.workspace), "-o", str(job.run_dir / "last.txt")]
        return [*words, *(["resume", job.session] if job.resume else []), "-"]

    def environment(self, job: Job) -> dict[str, str]:
        return {**super().environment(job), "CODEX_HOME": str(job.home / ".codex")}

    def files(self, job: Job) -> Mapping[Path, bytes]:
        return {job.home / ".codex" / ".keep": b""}  # it does not start without its directory

    def event(self, kind: str, event: Fields) -> Iterator[Said]:
        match kind:
            case "thread.started":
                yield from self.known_session(event.text("thread_id"))
            case "item.started" | "item.completed":
                yield from self._item(event.at("item"), kind == "item.completed")
            case "item.updated":
                yield from self._checklist(event.at("item"))
            case "error":
                self.retrying = event.text("message")
            case "turn.completed":
                yield _usage(event.at("usage"))
                yield from self.good(kind)
            case "turn.failed":
                yield from self.bad(kind, judged(event.text("error", "message") or self.retrying))
            case _:
                self.unknown(kind)

    def _item(self, item: Fields, done: bool) -> Iterator[Said]:
        self.retrying = ""
        match item.text("type"):
            case "agent_message" if done:
                yield from self.words.hear(item.text("text"))
            case "command_execution" if not done:
                yield doing("shell", item.text("command"))
            case "file_change" if done:
                yield doing("edit", ", ".join(change.text("path") for change in item.each("changes")))
            case "mcp_tool_call" | "web_search" if not done:
                yield doing(item.text("type"), item.text("tool") or item.text("query"))
            case "todo_list":
                yield from self._checklist(item)

    def _checklist(self, item: Fields) -> Iterator[Said]:
        for todo in item.each("items"):
            if words := todo.text("text"):
                yield Check(words, todo.says("completed") is True)


def _usage(usage: Fields) -> Usage:
    return Usage(
        "session",
        usage.whole("input_tokens"),
        usage.whole("output_tokens"),
        usage.whole("cached_input_tokens"),
        raw=usage.raw,
    )
