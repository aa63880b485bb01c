"""One world per story."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World
from tests.world.world import world as build


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with build(tmp_path) as made:
        yield made
