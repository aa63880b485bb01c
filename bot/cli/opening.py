"""From settings to the database alone; the whole fleet is opened by `bot.service.opening`."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.settings import Settings
from bot.store import Store, open_store


@contextmanager
def opened_store(settings: Settings) -> Iterator[Store]:
    """The database, closed afterwards. Raises Refused when its schema is older or newer than this program's."""
    store = open_store(settings.orchestrator.database)
    try:
        yield store
    finally:
        store.close()
