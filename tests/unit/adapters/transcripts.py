"""Recorded runs of the real CLIs (`tests/transcripts/README.md`) and how one is played through its adapter."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from bot.adapters.base import Adapter, Exit, Job, Outcome, Said, SessionStarted, Usage
from bot.adapters.lines import Lines
from bot.adapters.registry import adapter

FOLDER: Final = Path(__file__).parents[2] / "transcripts"
HOME: Final = Path("/home/agent")
RUN: Final = Path("/run/of/this/job")
WORK: Final = Path("/work/tree")


@dataclass(frozen=True)
class Transcript:
    folder: Path
    scenario: str

    def __str__(self) -> str:
        return f"{self.folder.name}/{self.scenario}"

    @property
    def cli(self) -> str:
        return self.folder.name.rpartition("-")[0]

    @cached_property
    def meta(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{self.scenario}.meta.json").read_text("utf-8"))
        return found

    def stream(self, name: str) -> bytes:
        return (self.folder / f"{self.scenario}.{name}").read_bytes()

    def adapter(self) -> Adapter:
        return adapter(self.cli, {})

    def exit(self) -> Exit:
        code = int(self.meta["exit_code"])
        left = self.folder / f"{self.scenario}.left"
        files = {Path(self.folder.name): left.read_bytes()} if left.exists() else {}
        return Exit(code, None, files) if code >= 0 else Exit(None, -code, files)

    def job(self, **more: Any) -> Job:
        return job(prompt=self.meta["stdin"] or "", **more)

    def play(self) -> "Played":
        return play(self.adapter(), [(name, self.stream(name)) for name in ("stdout", "stderr")], self.exit())


@dataclass(frozen=True)
class Played:
    said: Sequence[Said]
    outcome: Outcome

    @property
    def usage(self) -> list[Usage]:
        return [*(one for one in self.said if isinstance(one, Usage)), *self.outcome.usage]

    @property
    def session(self) -> str:
        return next((one.session for one in reversed(self.said) if isinstance(one, SessionStarted)), "")


def job(prompt: str = "Write made.txt.", **more: Any) -> Job:
    return Job(prompt, RUN / "prompt.md", WORK, RUN, HOME, **more)


def play(one: Adapter, chunks: Iterable[tuple[str, bytes]], exit: Exit) -> Played:  # noqa: A002
    lines = Lines(one.max_line_bytes)
    said: list[Said] = []
    for stream, chunk in chunks:
        for line in lines.feed(stream, chunk):
            said.extend(one.feed(line))
    for line in lines.end():
        said.extend(one.feed(line))
    return Played(said, one.finish(exit))


def folders() -> list[Path]:
    return sorted(path for path in FOLDER.iterdir() if path.is_dir())


def transcripts() -> Iterator[Transcript]:
    for folder in folders():
        for meta in sorted(folder.glob("*.meta.json")):
            yield Transcript(folder, meta.name.removesuffix(".meta.json"))
