"""The forge's webhooks: verified, stored, acknowledged; everything else happens later."""

from typing import Final

from bot.core.errors import Refused
from bot.service import intake
from bot.store import counters
from bot.web.answers import Answer, Shown
from bot.web.callers import May
from bot.web.endpoint import Call, Endpoints
from bot.web.requests import read_bytes

ENDPOINTS: Final = Endpoints("webhooks", "Webhooks")

#: Forgejo puts whole issues, pull requests and lists of commits into one body; more than an API call ever brings.
WEBHOOK_BYTES: Final = 16 * 1024 * 1024

_SIGNATURES: Final = ("X-Forgejo-Signature", "X-Gitea-Signature", "X-Hub-Signature-256")


class Stored(Shown):
    """The delivery is safe; ``inbox_id`` names it."""

    inbox_id: int


@ENDPOINTS.post("/api/v1/webhooks/forgejo", May.ANYONE, {202: Stored, 200: Stored}, takes="application/json")
def forgejo(call: Call) -> Answer:
    """A delivery of the forge: 202 when it is stored, 200 when it was before.

    Only the signature decides (403): whatever a signed body holds is stored, also of unknown event types.
    """
    limit = max(WEBHOOK_BYTES, call.fleet.settings.server.max_body_bytes)
    # a body that nobody signed is not read: no signature fits the empty one in its place
    signed = any(call.request.headers.get(name) for name in _SIGNATURES)
    body = read_bytes(call.request, limit) if signed else b""
    try:
        inbox_id, new = intake.receive(call.fleet, dict(call.request.headers), body)
    except Refused:
        call.fleet.store.tally.add(counters.WEBHOOKS, counters.REJECTED)
        raise
    return Answer(Stored(inbox_id=inbox_id), 202 if new else 200)
