"""A world whose clock is the real one, because programs of others look at theirs; and a runner beside it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.settings import Actions, ActionsRule
from tests.actions.runner import Runner
from tests.world import World
from tests.world.clock import Clock
from tests.world.jobs import WORKFLOW
from tests.world.world import world as build


class RealTime(Clock):
    """Goes on by itself; ``forward`` skips some of it."""

    def __init__(self) -> None:
        super().__init__(0.0)

    def __call__(self) -> float:
        return time.time() + self.at


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with build(tmp_path / "world", clock=RealTime(), heartbeat_interval_secs=1, heartbeat_timeout_threshold=60) as made:
        made.repo.commit(made.owner.person, "main", {WORKFLOW: "on: workflow_dispatch\n"}, "Let runners work")
        made.actions = Actions(allow=[ActionsRule(repository="ann/demo", refs=["refs/heads/main"])])
        made.restarts()
        yield made


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "runner" / "checkout")
