"""Is this webhook from our forge? Decided on the raw bytes, before anything reads them."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.core import text
from bot.core.errors import Refused


@dataclass(frozen=True)
class Signed:
    """A delivery whose signature holds. ``event_type`` is the precise name (``X-Forgejo-Event-Type``)."""

    delivery: str
    event_type: str
    body: bytes


def check(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Signed:
    """The delivery, when one of ``secrets`` (two during a rotation) signed exactly these bytes.

    Forgejo signs with HMAC-SHA256, hex, without prefix; ``X-Hub-Signature-256`` and older senders put ``sha256=``
    before it. Without a secret it still sends the header, empty: an empty one never counts.
    Raises Refused (403).
    """
    lower = {k.lower(): v for k, v in headers.items()}
    usable = [s for s in secrets if s]
    if not usable:
        raise Refused(text.no_webhook_secret(), text.set_webhook_secret(), 403, "no_webhook_secret")
    sent = lower.get("x-forgejo-signature") or lower.get("x-gitea-signature") or lower.get("x-hub-signature-256") or ""
    given = sent.removeprefix("sha256=").strip().encode("utf-8", "replace")
    # every secret is tried, so that the time taken does not tell which one is in use
    matches = [hmac.compare_digest(_sign(secret, body), given) for secret in usable]
    if not any(matches):
        raise Refused(text.bad_signature(), text.compare_webhook_secret(), 403, "bad_signature")
    event_type = (
        lower.get("x-forgejo-event-type") or lower.get("x-gitea-event-type") or lower.get("x-forgejo-event", "")
    )
    delivery = lower.get("x-forgejo-delivery") or lower.get("x-gitea-delivery") or hashlib.sha256(body).hexdigest()
    return Signed(delivery[:200], event_type[:100], body)


def _sign(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
