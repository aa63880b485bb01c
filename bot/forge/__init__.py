"""The forge, as the verbs this product needs; the only importer of pyforgejo.

Which Forgejo facts a verb hides is said at the verb. Every verb may raise `Unavailable` (try again later), `Missing`
(404: not there, or not for us) or another `Refused`.
"""

import os

# pyforgejo loads a .env file and reads BASE_URL and API_KEY when it is imported (2.0.7).
os.environ.setdefault("PYTHON_DOTENV_DISABLED", "1")

from bot.forge.api import Api, Missing, RepoRef
from bot.forge.forge import Forge

__all__ = ["Api", "Forge", "Missing", "RepoRef"]
