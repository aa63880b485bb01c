"""One turn of a real CLI, as a pull agent runs it: our adapter, our process code, a home of its own."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from bot.adapters.base import Adapter, Exit, Job, Outcome, Said, SessionStarted, Usage
from bot.adapters.lines import Lines
from bot.adapters.registry import adapter
from bot.execution.process import Command, Ended, Run, environment
from tests.agents.pointing import Pointing

_TURN_SECS: Final = 90.0
_GRACE_SECS: Final = 3.0


@dataclass(frozen=True)
class Turn:
    """What came of a turn."""

    said: Sequence[Said]
    outcome: Outcome
    ended: Ended
    output: str
    files: dict[Path, bytes]

    @property
    def session(self) -> str:
        return next((one.session for one in reversed(self.said) if isinstance(one, SessionStarted)), "")

    @property
    def usage(self) -> list[Usage]:
        return [*(one for one in self.said if isinstance(one, Usage)), *self.outcome.usage]


class Seat:
    """Where one task of one CLI is worked on: workspace, home and log-in stay from turn to turn."""

    def __init__(self, name: str, below: Path, path: Sequence[Path], pointing: Pointing) -> None:
        self.name, self.below, self.path, self.pointing = name, below, path, pointing
        self.work, self.home = below / "work", below / "home"
        for folder in (self.work, self.home, below / "tmp"):
            folder.mkdir()
        for relative, content in pointing.files.items():
            _write(self.home / relative, content.encode())
        self.git("init", "--quiet")
        for key, value in (("user.name", "Agent"), ("user.email", "agent@fleet.example")):
            self.git("config", key, value)
        _write(self.work / "README", b"A repository.\n")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "First")

    def turn(self, prompt: str, session: str = "", resume: bool = False, secs: float = _TURN_SECS) -> Turn:
        one = adapter(self.name, {})
        run_dir = self.below / f"run-{uuid4().hex[:8]}"
        run_dir.mkdir()
        model = self.pointing.model
        job = Job(prompt, run_dir / "prompt.md", self.work, run_dir, self.home, session, resume, model, secs)
        _write(job.prompt_file, prompt.encode("utf-8", "replace"))
        for path, content in one.files(job).items():
            _write(path, content)
        lines, said, output = Lines(one.max_line_bytes), list[Said](), bytearray()

        def on_output(stream: str, chunk: bytes) -> None:
            output.extend(chunk)
            for line in lines.feed(stream, chunk):
                said.extend(one.feed(line))

        ended = Run(self._command(one, job, secs)).run(on_output)
        for line in lines.end():
            said.extend(one.feed(line))
        files = {path: path.read_bytes() for path in one.reads(job) if path.is_file()}
        outcome = one.finish(Exit(ended.exit_code, ended.signal, files))
        return Turn(said, outcome, ended, output.decode("utf-8", "replace"), files)

    def tell(self, *words: str) -> None:
        """A command of the CLI's own, such as one that sets it up."""
        one = adapter(self.name, {})
        job = Job("", self.below / "none", self.work, self.below, self.home)
        done = subprocess.run(
            words, env=self._env(one, job), cwd=self.work, capture_output=True, timeout=60, check=False, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def git(self, *words: str) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1"}
        words = ("git", "-C", str(self.work), *words)
        return subprocess.run(words, env=env, capture_output=True, timeout=30, check=True, text=True).stdout

    def _command(self, one: Adapter, job: Job, secs: float) -> Command:
        return Command(
            argv=one.argv(job),
            cwd=self.work,
            run_id=f"test-{uuid4().hex}",
            env=self._env(one, job),
            prompt=one.stdin(job),
            timeout_secs=secs,
            stall_secs=secs,
            grace_secs=_GRACE_SECS,
        )

    def _env(self, one: Adapter, job: Job) -> dict[str, str]:
        outside = os.environ | {"PATH": os.pathsep.join([*map(str, self.path), os.environ["PATH"]])}
        return environment(self.home, self.below / "tmp", {**self.pointing.env, **one.environment(job)}, outside)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
