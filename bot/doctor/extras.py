"""What is configured but needs an extra that was not installed."""

import importlib.util
from collections.abc import Iterator

from bot.core import extras_text as text
from bot.doctor.finding import Finding, warn
from bot.settings import Settings


def extras(settings: Settings) -> Iterator[Finding]:
    """Nothing when nothing is missing: who needs no extra need not read about them."""
    if settings.log.traces_url and not _there("opentelemetry.exporter.otlp.proto.http"):
        setting = "traces_url under [log]"
        yield warn("extras", text.extra_missing(setting, "otel"), text.install_extra("otel", setting))


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it lies in
        return False
