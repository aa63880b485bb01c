"""Every page there is, put into the application."""

from typing import Final

from flask import Blueprint, Flask

from bot.dashboard import badges, looking_back, machines, signing_in
from bot.dashboard.desk import set_up
from bot.service.fleet import Fleet

#: All of the dashboard's blueprints; each is guarded.
BLUEPRINTS: Final[tuple[Blueprint, ...]] = (
    badges.BLUEPRINT,
    looking_back.BLUEPRINT,
    machines.BLUEPRINT,
    signing_in.BLUEPRINT,
)


def register(app: Flask, fleet: Fleet) -> None:
    """Called once per application."""
    set_up(app, fleet)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
