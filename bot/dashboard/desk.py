"""What the pages of one process share, and the visitor of the request that is being answered."""

from dataclasses import dataclass
from typing import Final

from flask import Flask, current_app, g

from bot.dashboard.sessions import Sessions
from bot.dashboard.streams import Streams, seats
from bot.dashboard.visitor import Rights, Visitor
from bot.service.fleet import Fleet

EXTENSION: Final = "agent_fleet_dashboard"


@dataclass(frozen=True)
class Desk:
    """One per application."""

    fleet: Fleet
    rights: Rights
    sessions: Sessions
    streams: Streams


def set_up(app: Flask, fleet: Fleet) -> Desk:
    """The application's desk; made once."""
    made = Desk(fleet, Rights(fleet), Sessions(fleet), Streams(fleet.store, seats(fleet.settings.server.threads)))
    app.extensions[EXTENSION] = made
    return made


def desk() -> Desk:
    found: Desk = current_app.extensions[EXTENSION]
    return found


def current_visitor() -> Visitor:
    """Who makes the present request: looked up once."""
    found: Visitor | None = g.get("visitor")
    if found is None:
        found = g.visitor = desk().sessions.visitor()
    return found
