"""The web processes, from the same settings as everything else; options of gunicorn's command line win.

What is set, and why, is in bot/web/gunicorn_options.py: `agent-fleet serve` uses the same.
"""

import os
import sys

from bot.settings import SettingsError, load
from bot.web.gunicorn_options import options

try:
    _settings = load(None, os.environ).settings
except SettingsError as error:
    print(error, file=sys.stderr)
    raise SystemExit(2) from None

wsgi_app = "app:create_app()"
globals().update(options(_settings))
