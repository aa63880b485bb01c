"""Every page there is, put into the application."""

from typing import Final

from flask import Blueprint, Flask

from bot.dashboard import assets, badges, looking_back, machines, now, signing_in, task, task_log
from bot.dashboard.desk import set_up
from bot.dashboard.frame import dress
from bot.service.fleet import Fleet

#: All of the dashboard's blueprints; each is guarded.
BLUEPRINTS: Final[tuple[Blueprint, ...]] = (
    assets.BLUEPRINT,
    now.BLUEPRINT,
    task.BLUEPRINT,
    task_log.BLUEPRINT,
    looking_back.BLUEPRINT,
    machines.BLUEPRINT,
    badges.BLUEPRINT,
    signing_in.BLUEPRINT,
)


def register(app: Flask, fleet: Fleet) -> None:
    """Called once per application."""
    set_up(app, fleet)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    dress(app, fleet, frozenset(x.name for x in BLUEPRINTS))
