"""The settings of ``[log]``: what the processes say about themselves, and where traces go."""

from typing import Literal

from bot.settings.values import Section, WebAddress


class Log(Section):
    """What is logged, and how it looks."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important kind of line that is written."""
    format: Literal["auto", "json", "pretty"] = "auto"
    """`json`: one object per line; `pretty`: for people; `auto`: pretty on a terminal, else json."""
    traces_url: WebAddress = ""
    """Where OpenTelemetry traces go (OTLP over HTTP). Needs `agent-fleet[otel]`. Empty: nowhere."""
