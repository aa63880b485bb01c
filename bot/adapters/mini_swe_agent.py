"""mini-swe-agent: ``mini -y --exit-immediately`` (PyPI ``mini-swe-agent``; seen: 2.4.6).

Without the package ``mcp`` beside it, it does not start. It takes its task from the command line only, so that
is one fixed sentence naming the file with the task. Its text output is for people; what counts is the
trajectory file it leaves: ``info.exit_status: Submitted`` is the positive end, ``info.model_stats`` the cost of
this run. **It cannot resume**, and it retries errors of the model for ever: the time limit ends it, and the
last "Retrying …" on stderr says why.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bot.adapters.base import Ended, Exit, Job, Line, Said, Usage
from bot.adapters.dialect import Dialect
from bot.adapters.fields import Fields
from bot.adapters.trouble import judged
from bot.adapters.words import doing
from bot.core import adapter_text as text

_STEP: Final = re.compile(r"mini-swe-agent \(step (\d+), .*")
_RETRY: Final = re.compile(r"Retrying .* as it raised (.*)")
_TRAJECTORY: Final = "traj.json"


class MiniSweAgent(Dialect):
    """mini-swe-agent."""

    names = ("mini-swe-agent", "mini")
    binary = "mini"
    prompt_on_stdin = False
    inherits = ("OPENAI_API_KEY", "OPENAI_API_BASE", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY")

    @property
    def can_resume(self) -> bool:
        return False

    def argv(self, job: Job) -> list[str]:
        words = ["mini", "-y", "--exit-immediately"]
        words += ["-m", job.model] if job.model else []
        return [*words, "-o", str(job.run_dir / _TRAJECTORY), "-t", text.read_the_file(str(job.prompt_file))]

    def environment(self, job: Job) -> dict[str, str]:
        return {
            **super().environment(job),
            "MSWEA_GLOBAL_CONFIG_DIR": str(job.home / "mini"),
            "MSWEA_CONFIGURED": "true",
            "MSWEA_COST_TRACKING": "ignore_errors",
            "MSWEA_SILENT_STARTUP": "1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }

    def reads(self, job: Job) -> Sequence[Path]:
        return (job.run_dir / _TRAJECTORY,)

    def probe(self) -> list[str]:
        return []  # it has no --version

    def feed(self, line: Line) -> Iterator[Said]:
        yield from super().feed(line)
        if line.stream == "stderr" and (found := _RETRY.match(line.text)):
            self.retrying = found[1]

    def heard(self, line: Line) -> Iterator[Said]:
        if found := _STEP.match(line.text):
            self.retrying = ""
            yield doing("step", found[1])

    def read(self, exit: Exit) -> Iterator[Usage]:  # noqa: A002
        for data in exit.files.values():
            left = Fields.parse(data.decode("utf-8", "replace"))
            left = left or Fields()
            info = left.at("info")
            status = info.text("exit_status")
            if not status:
                continue
            said = [one.text("content") for one in left.each("messages") if one.text("role") == "assistant"]
            tuple(self.words.hear(info.text("submission") or (said[-1] if said else "")))
            if status == "Submitted":
                self.ended = Ended(True, "Submitted", self.words.message)
            else:
                self.trouble = judged(info.text("submission") or status, kind=status)
                self.ended = Ended(False, status, self.trouble.message)
            yield Usage("run", cost_usd=info.number("model_stats", "instance_cost"), raw=info.at("model_stats").raw)
