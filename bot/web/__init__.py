"""The HTTP side: `/api/v1`, webhooks, health. Every call is declared once, as an endpoint; the rest is derived."""

from bot.web.application import make_app

__all__ = ["make_app"]
