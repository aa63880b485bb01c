"""What the processes say in their logs: JSON for machines, lines for people, never a secret, never local variables."""

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Final

import structlog

MASK: Final = "***"
_SHORTEST: Final = 8  # shorter values would mask ordinary words


def configure(level: str = "info", form: str = "auto", secrets: Iterable[str] = ()) -> None:
    """``form`` is json, pretty or auto (pretty on a terminal); ``secrets`` are masked wherever they stand."""
    pretty = form == "pretty" or (form == "auto" and sys.stderr.isatty())
    hidden = sorted((s for s in secrets if len(s) >= _SHORTEST), key=len, reverse=True)
    renderer: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if pretty
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )

    def masked(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: _mask(value, hidden) for key, value in event.items()}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # a string: rich tracebacks would print local variables
            masked,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # the one of that moment
        cache_logger_on_first_use=False,
    )


def _mask(value: Any, hidden: list[str]) -> Any:
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, MASK)
        return value
    if isinstance(value, dict):
        return {key: _mask(inner, hidden) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mask(inner, hidden) for inner in value]
    return value
