"""A nudge: somebody says that an issue is worth a look. Nothing it says is believed; the forge is read."""

import json
import uuid

from bot.core.errors import Refused
from bot.forge import Missing
from bot.service.fleet import Fleet
from bot.store import forge_facts, inbox
from bot.webhooks import verify
from bot.webhooks.look import LOOK


def signed_by_hook_secret(fleet: Fleet, signature: str, body: bytes) -> None:
    """Raises Refused (403) unless ``signature`` is the HMAC-SHA256 of ``body`` with the webhooks' secret."""
    forgejo = fleet.settings.forgejo
    secrets = [forgejo.webhook_secret.get_secret_value(), forgejo.webhook_secret_previous.get_secret_value()]
    verify.check({"x-forgejo-signature": signature}, body, secrets)


def keep(fleet: Fleet, repo_name: str, issue: int) -> int:
    """Stores the nudge beside the forge's webhooks; returns its id.

    Raises Refused (404) for a repository that the bot does not see, Unavailable.
    """
    known = fleet.read(lambda sql: forge_facts.repo_named(sql, repo_name))
    if known is None:
        try:
            known = fleet.remember(fleet.forge.repos.named(repo_name))
        except Missing as missing:
            raise Refused(missing.reason, "", 404, "no_such_repository") from missing
    said = {"repository": {"id": known.id, "full_name": known.full_name}, "issue": {"number": issue}}
    body, delivery = json.dumps(said).encode(), f"nudge:{uuid.uuid4()}"
    return fleet.store.write(lambda sql: inbox.put(sql, delivery, LOOK, body, fleet.clock()))[0]
