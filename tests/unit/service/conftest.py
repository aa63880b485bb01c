"""One database per test, many scenes on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store import open_store
from tests.unit.service.scenes import Scenes
from tests.world import databases


@pytest.fixture
def scenes(tmp_path: Path) -> Iterator[Scenes]:
    with databases.of_the_run(tmp_path) as where:
        store = open_store(where)
        yield Scenes(store)
        store.close()
