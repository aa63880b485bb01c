"""Webhooks: checking and reading them, without I/O. One file per event type; each only says what to look at."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from bot.webhooks.hints import Hint

Payload = Mapping[str, Any]
Reader = Callable[[Payload], list[Hint]]

_READERS: dict[str, Reader] = {}


def reads(*event_types: str) -> Callable[[Reader], Reader]:
    """Registers the reader of these ``X-Forgejo-Event-Type`` values."""

    def register(reader: Reader) -> Reader:
        for event_type in event_types:
            _READERS[event_type] = reader
        return reader

    return register


@cache
def readers() -> Mapping[str, Reader]:
    """Every reader by event type, from the files of this package."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return _READERS


def read(event_type: str, payload: Payload) -> list[Hint]:
    """What the event says should be looked at; nothing for a type that nobody reads."""
    reader = readers().get(event_type)
    return reader(payload) if reader else []
