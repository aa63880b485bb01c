"""One database per test, many scenes on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store import database
from tests.unit.service.scenes import Scenes


@pytest.fixture
def scenes(tmp_path: Path) -> Iterator[Scenes]:
    database.migrate(tmp_path / "fleet.db")
    store = database.open_store(tmp_path / "fleet.db")
    yield Scenes(store)
    store.close()
