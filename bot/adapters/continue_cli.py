"""Continue CLI: ``cn -p --format=json`` (npm ``@continuedev/cli``; seen: 1.5.47).

It is silent until one JSON object ends it: ``{response, status: success}`` on standard output, or ``{status:
error, message}`` on stderr. No session id: ``--resume`` goes on with the last session below its directory,
which is in the task's own home. No token counts. **Killed it exits 0 and says nothing**; a cut stream, and a
prompt larger than its context, look like a good end: git is the judge. It still asks for the name of one host.

It reads standard input only if no bare word follows ``-p``, hence ``--format=json``.
"""

from collections.abc import Iterator

from bot.adapters.base import Job, Line, Said
from bot.adapters.dialect import JsonLines, stderr_error
from bot.adapters.fields import Fields
from bot.adapters.trouble import judged


class Continue(JsonLines):
    """Continue CLI."""

    names = ("continue", "cn")
    binary = "cn"
    inherits = ("CONTINUE_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY")
    credentials = (".continue/config.yaml", ".continue/auth.json")

    def argv(self, job: Job) -> list[str]:
        words = ["cn", "-p", "--format=json", "--auto", "--config", str(job.home / ".continue/config.yaml")]
        words += ["--model", job.model] if job.model else []
        return words + (["--resume"] if job.resume else [])

    def environment(self, job: Job) -> dict[str, str]:
        return {
            **super().environment(job),
            "CONTINUE_GLOBAL_DIR": str(job.home / ".continue"),
            "CONTINUE_METRICS_ENABLED": "0",
            "CONTINUE_CLI_ENABLE_TELEMETRY": "0",
        }

    def feed(self, line: Line) -> Iterator[Said]:
        yield from super().feed(line)
        if line.stream == "stderr" and self.trouble is None:
            self.trouble = stderr_error(line.text)

    def kind_of(self, event: Fields) -> str:
        return event.text("status")

    def event(self, kind: str, event: Fields) -> Iterator[Said]:
        match kind:
            case "success":
                yield from self.known_session("last")
                yield from self.words.hear(event.text("response"))
                yield from self.good("status/success")
            case "error":
                yield from self.bad("status/error", judged(event.text("message")))
            case _:
                self.unknown(kind)
