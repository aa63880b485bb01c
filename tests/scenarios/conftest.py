"""One world per story, and each story on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World, databases
from tests.world.world import world as build


@pytest.fixture(params=databases.ENGINES, autouse=True)
def _engine(request: pytest.FixtureRequest) -> Iterator[None]:
    token = databases.engine.set(request.param)
    yield
    databases.engine.reset(token)


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest, _engine: None) -> Iterator[World]:
    """``@pytest.mark.world(rework={…})``: with these settings."""
    marked = request.node.get_closest_marker("world")
    with build(tmp_path, **(marked.kwargs if marked else {})) as made:
        yield made
