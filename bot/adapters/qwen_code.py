"""Qwen Code: ``qwen -o stream-json`` (npm ``@qwen-code/qwen-code``; seen: 0.24.4).

Claude Code's dialect with ``system/retry`` and ``stream_event``. ``result.usage`` counts the whole session,
and there is no cost. When it reaches a limit it exits 53 (turns) or 55 (time) without a ``result``.

It waits 60, 120, … s when it is limited and cannot be told to try less often: ``--max-wall-time`` and our own
time limit end it. ``--bare`` keeps hooks and servers of the repository from being started (and AGENTS.md from
being read). Updates and statistics are switched off in the settings of its home, which are ours.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from bot.adapters.base import Job, Said, Usage
from bot.adapters.claude_code import StreamJson
from bot.adapters.fields import Fields
from bot.core.reasons import Reason

_SETTINGS = {
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False},
    "telemetry": {"enabled": False},
}


class QwenCode(StreamJson):
    """Qwen Code."""

    names = ("qwen-code", "qwen")
    binary = "qwen"
    inherits = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL")
    credentials = (".qwen/oauth_creds.json",)
    silent = frozenset({"stream_event"})
    exit_reasons: ClassVar = {53: Reason.BUDGET, 55: Reason.TIMEOUT}

    def argv(self, job: Job) -> list[str]:
        words = ["qwen", "--auth-type", "openai", "--output-format", "stream-json", "--approval-mode", "yolo"]
        words += ["--bare", "--max-wall-time", f"{math.ceil(job.timeout_secs / 60)}m"]
        words += ["--model", job.model] if job.model else []
        if job.session:
            words += ["--resume" if job.resume else "--session-id", job.session]
        return words

    def environment(self, job: Job) -> dict[str, str]:
        return {
            **super().environment(job),
            "QWEN_TELEMETRY_ENABLED": "false",
            "QWEN_CODE_SUPPRESS_YOLO_WARNING": "1",
        }

    def files(self, job: Job) -> Mapping[Path, bytes]:
        return {job.home / ".qwen/settings.json": json.dumps(_SETTINGS).encode()}

    def used(self, event: Fields) -> Iterator[Said]:
        used = event.at("usage")
        yield Usage(
            "session",
            used.whole("input_tokens"),
            used.whole("output_tokens"),
            used.whole("cache_read_input_tokens"),
            raw=used.raw,
        )
