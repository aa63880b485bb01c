"""The web processes, from the same settings as everything else; options of gunicorn's command line win.

What is set, and why, is in bot/web/gunicorn_options.py: `agent-fleet serve` and `web` use the same.
"""

import os
import sys

from bot.core.errors import Refused, Unavailable
from bot.settings import SettingsError, load
from bot.store import open_store
from bot.web.gunicorn_options import options

try:
    _settings = load(None, os.environ).settings
    open_store(_settings.orchestrator.database).close()  # gunicorn would start processes that cannot again and again
except SettingsError as error:
    print(error, file=sys.stderr)
    raise SystemExit(2) from None
except (Refused, Unavailable) as error:
    print(error, file=sys.stderr)
    raise SystemExit(1) from None

wsgi_app = "app:create_app()"
globals().update(options(_settings))
