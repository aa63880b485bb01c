"""Typed settings from TOML, environment and files; one wrong value refuses them all, with every reason."""

from bot.settings.actions import Actions, ActionsRule
from bot.settings.dashboard import Dashboard
from bot.settings.hosts import HostAgent, HostEntry
from bot.settings.loading import Loaded, load
from bot.settings.log import Log
from bot.settings.problems import Problem, SettingsError
from bot.settings.sections import (
    Adapter,
    Forgejo,
    Orchestrator,
    Price,
    Server,
    Settings,
)

__all__ = [
    "Actions",
    "ActionsRule",
    "Adapter",
    "Dashboard",
    "Forgejo",
    "HostAgent",
    "HostEntry",
    "Loaded",
    "Log",
    "Orchestrator",
    "Price",
    "Problem",
    "Server",
    "Settings",
    "SettingsError",
    "load",
]
