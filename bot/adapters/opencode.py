"""opencode: ``opencode run --format json`` (npm ``opencode-ai``; seen: 1.18.33).

One JSON object per line: ``step_start``, ``text``, ``tool_use``, ``step_finish``, ``error``. Good is a last
``step_finish`` with ``reason: stop`` and no ``error``; a cut stream has ``reason: unknown`` and makes it go
round for ever, so our limits must hold. Tokens and cost are per step, to be added up. The session is in every
line and not ours to choose; without a log-in it hangs in silence.

``OPENCODE_DISABLE_PROJECT_CONFIG`` keeps a repository from having servers and plugins started.
"""

import json
from collections.abc import Iterator

from bot.adapters.base import Job, Said, Usage
from bot.adapters.dialect import JsonLines
from bot.adapters.fields import Fields
from bot.adapters.trouble import judged
from bot.adapters.words import doing

_PERMISSION = {"*": "allow", "bash": {"*": "allow", "git push*": "deny"}}
_OFF = ("AUTOUPDATE", "MODELS_FETCH", "DEFAULT_PLUGINS", "LSP_DOWNLOAD", "PROJECT_CONFIG")


class OpenCode(JsonLines):
    """opencode."""

    names = ("opencode",)
    binary = "opencode"
    inherits = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY")
    credentials = (".local/share/opencode/auth.json", ".config/opencode/opencode.json")
    silent = frozenset({"reasoning"})

    def argv(self, job: Job) -> list[str]:
        words = ["opencode", "run", "--format=json", "--auto", "--dir", str(job.workspace)]
        words += ["--model", job.model] if job.model else []
        return words + (["--session", job.session] if job.resume else [])

    def environment(self, job: Job) -> dict[str, str]:
        return {
            **super().environment(job),
            "XDG_CONFIG_HOME": str(job.home / ".config"),
            "XDG_DATA_HOME": str(job.home / ".local/share"),
            "XDG_STATE_HOME": str(job.home / ".local/state"),
            "XDG_CACHE_HOME": str(job.home / ".cache"),
            "OPENCODE_CONFIG_CONTENT": json.dumps({"autoupdate": False, "share": "disabled"}),
            "OPENCODE_PERMISSION": json.dumps(_PERMISSION),
            **{f"OPENCODE_DISABLE_{name}": "1" for name in _OFF},
        }

    def event(self, kind: str, event: Fields) -> Iterator[Said]:
        yield from self.known_session(event.text("sessionID"))
        part = event.at("part")
        match kind:
            case "step_start":
                self.ended = None  # it goes on: an earlier end was none
            case "text":
                yield from self.words.hear(part.text("text"))
            case "tool_use":
                given = part.at("state", "input")
                telling = (given.text("command"), given.text("filePath"), given.text("pattern"))
                yield doing(part.text("tool"), next(filter(None, telling), part.text("state", "title")))
            case "step_finish":
                yield _usage(part)
                if part.text("reason") == "stop" and self.trouble is None:
                    yield from self.good("step_finish/stop")
            case "error":
                error = event.at("error")
                data = error.at("data")
                kinds = f"{error.text('name')} {data.text('responseBody')}"
                yield from self.bad("error", judged(data.text("message"), data.whole("statusCode"), kinds))
            case _:
                self.unknown(kind)


def _usage(part: Fields) -> Usage:
    tokens = part.at("tokens")
    cached = tokens.whole("cache", "read")
    return Usage(
        "step",
        tokens.whole("input") + cached + tokens.whole("cache", "write"),
        tokens.whole("output") + tokens.whole("reasoning"),
        cached,
        part.number("cost"),
        raw=tokens.raw,
    )
