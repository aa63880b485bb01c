"""One world per story."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World
from tests.world.world import world as build


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """``@pytest.mark.world(rework={…})``: with these settings."""
    marked = request.node.get_closest_marker("world")
    with build(tmp_path, **(marked.kwargs if marked else {})) as made:
        yield made
