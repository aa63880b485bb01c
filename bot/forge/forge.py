"""The forge's verbs, by what they are about: ``forge.issues``, ``forge.pulls``, ``forge.repos`` …"""

from bot.core.facts import Account
from bot.forge import decode
from bot.forge.actions import Actions
from bot.forge.api import Api
from bot.forge.checks import Checks
from bot.forge.files import Files
from bot.forge.issues import Issues
from bot.forge.organizations import Organizations
from bot.forge.pulls import Pulls
from bot.forge.repos import Repos
from bot.forge.reviews import Reviews


class Forge:
    """One account's view of one Forgejo. ``account`` given = never asked for (a one-repository token cannot)."""

    def __init__(self, api: Api, account: Account | None = None) -> None:
        self.api = api
        self._account = account
        self.repos = Repos(api)
        self.organizations = Organizations(api)
        self.issues = Issues(api, self.me)
        self.pulls = Pulls(api)
        self.reviews = Reviews(api, self.me)
        self.checks = Checks(api)
        self.files = Files(api)
        self.actions = Actions(api)

    def me(self) -> Account:
        """The bot's own account; asked for once."""
        if self._account is None:
            self._account = decode.account(
                self.api.call("read the bot's own account", self.api.client.user.get_current)
            )
        return self._account

    def version(self) -> str:
        """Such as ``15.0.3+gitea-1.22.0``."""
        found = self.api.call("read the forge's version", self.api.client.miscellaneous.get_version)
        return str(found.get("version") or "")

    def close(self) -> None:
        self.api.close()
