"""The web application for a WSGI server: `gunicorn --config gunicorn.conf.py`. Nobody imports this."""

import atexit
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from flask import Flask

from bot.core.errors import Refused
from bot.service.opening import open_fleet
from bot.settings import SettingsError, load
from bot.web.application import EXTENSION, HEARD, make_app


def create_app(config_path: str | Path | None = None, env: Mapping[str, str] | None = None) -> Flask:
    """The application of the settings in ``config_path`` (None: the usual places) and ``env`` (None: ours).

    Called in each server process, after the fork. Ends the process with 2 for wrong settings and 1 for a database
    that this program cannot use, and says which.
    """
    try:
        found = load(Path(config_path) if config_path else None, os.environ if env is None else env)
        fleet = open_fleet(found.settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    except Refused as refused:
        print(refused, file=sys.stderr)
        raise SystemExit(1) from None
    fleet.store.watch_other_processes(HEARD)
    app = make_app(fleet)
    atexit.register(app.extensions[EXTENSION].close)
    return app
