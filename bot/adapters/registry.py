"""Finds the adapter of an agent type: every file of this folder may hold one."""

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache

import bot.adapters
from bot.adapters.base import Adapter, Template
from bot.adapters.exec import Exec
from bot.core import agent_text as text
from bot.core.errors import Refused


@cache
def adapters() -> Mapping[str, type[Adapter]]:
    """Every adapter by every name it goes by."""
    found: dict[str, type[Adapter]] = {}
    for module in pkgutil.iter_modules(bot.adapters.__path__, "bot.adapters."):
        if module.name == __name__:
            continue
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if kind.__module__ == module.name and issubclass(kind, Adapter) and not inspect.isabstract(kind):
                _enter(found, kind)
    return found


def _enter(found: dict[str, type[Adapter]], kind: type[Adapter]) -> None:
    for name in kind.names:
        if name in found:
            raise TypeError(f"{kind.__module__} and {found[name].__module__} both call themselves {name!r}")
        found[name] = kind


def adapter(agent_type: str, templates: Mapping[str, Template]) -> Adapter:
    """A new adapter, for one run of ``agent_type``.

    A template of that name (``[adapters.NAME]``) comes first: an operator may replace any of ours. Raises
    Refused for a type that nobody knows.
    """
    if agent_type in templates:
        return Exec(templates[agent_type])
    kind = adapters().get(agent_type)
    if kind is None:
        known = sorted({*adapters(), *templates})
        nearest = difflib.get_close_matches(agent_type, known, 1)
        raise Refused(text.unknown_adapter(agent_type), text.known_adapters(known, nearest), 422, "unknown_adapter")
    return kind()
