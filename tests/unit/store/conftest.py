"""A real database in a folder of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store import Store, open_store
from bot.store.database import migrate
from bot.store.engines import Where
from tests.world import databases


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An SQLite database."""
    migrate(tmp_path / "fleet.db")
    return tmp_path / "fleet.db"


@pytest.fixture(params=databases.ENGINES)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Where]:
    """A database of each engine in turn."""
    with databases.database(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def store(where: Where) -> Iterator[Store]:
    opened = open_store(where)
    yield opened
    opened.close()
