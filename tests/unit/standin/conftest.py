"""A forge with a clock that only moves when told."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.standin import Repository, Standin


@dataclass
class Clock:
    """Seconds since the epoch, moved by hand."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def forge(tmp_path: Path, clock: Clock) -> Iterator[Standin]:
    made = Standin(tmp_path, clock=clock)
    with made.serve():
        yield made


@pytest.fixture
def repo(forge: Standin) -> Repository:
    made = forge.repository("ann/demo", {"README.md": "demo\n"})
    made.grant(forge.person("bob"), "write")
    for name in ("fleet/queued", "fleet/running"):
        made.label(name, exclusive=True)
    made.label("agent:python")
    return made
