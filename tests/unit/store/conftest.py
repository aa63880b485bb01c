"""A real database in a folder of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store import Store, open_store
from bot.store.database import migrate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    migrate(tmp_path / "fleet.db")
    return tmp_path / "fleet.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = open_store(path)
    yield opened
    opened.close()
