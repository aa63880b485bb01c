"""The routes of `/api/v1`, one file per topic. ``ROUTES`` is the whole list."""

from bot.standin.api import (
    comments,
    contents,
    hooks,
    issues,
    labels,
    people,
    pulls,
    repositories,
    runs,
    settings,
    statuses,
)
from bot.standin.api.calls import ROUTES

__all__ = [
    "ROUTES",
    "comments",
    "contents",
    "hooks",
    "issues",
    "labels",
    "people",
    "pulls",
    "repositories",
    "runs",
    "settings",
    "statuses",
]
