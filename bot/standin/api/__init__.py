"""The routes of `/api/v1`, one file per topic. ``ROUTES`` is the whole list."""

from bot.standin.api import (
    actions,
    applications,
    comments,
    contents,
    hooks,
    issues,
    labels,
    organizations,
    people,
    pulls,
    repositories,
    runs,
    settings,
    statuses,
    times,
)
from bot.standin.api.calls import ROUTES

__all__ = [
    "ROUTES",
    "actions",
    "applications",
    "comments",
    "contents",
    "hooks",
    "issues",
    "labels",
    "organizations",
    "people",
    "pulls",
    "repositories",
    "runs",
    "settings",
    "statuses",
    "times",
]
