"""Reading payload fields that a forge under load may leave out (a failed conversion gives empty objects)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.core import cleaning, triggers
from bot.core.facts import Account

Payload = Mapping[str, Any]


def table(payload: object, name: str) -> Payload:
    found = payload.get(name) if isinstance(payload, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def number(payload: object, name: str) -> int:
    """0 when it is not a whole number that a database takes (64 bits)."""
    found = payload.get(name) if isinstance(payload, Mapping) else None
    fits = isinstance(found, int) and not isinstance(found, bool) and -(2**63) <= found < 2**63
    return int(found) if fits and found is not None else 0


def text(payload: object, name: str) -> str:
    found = payload.get(name) if isinstance(payload, Mapping) else None
    return found if isinstance(found, str) else ""


def label_names(issue: Payload) -> frozenset[str]:
    found = issue.get("labels")
    return frozenset(text(x, "name") for x in found) if isinstance(found, list) else frozenset()


def account(payload: object, name: str) -> Account:
    """A missing user is Ghost (id -1), as Forgejo shows deleted people."""
    found = table(payload, name)
    return Account(number(found, "id"), text(found, "login")) if number(found, "id") else Account(-1, "Ghost")


def moment(payload: object, name: str) -> float:
    """Seconds since the epoch; 0 for what cannot be read as a time with its zone."""
    try:
        at = datetime.fromisoformat(text(payload, name))
    except ValueError:
        return 0.0
    return at.timestamp() if at.tzinfo is not None and at.year > 1970 else 0.0


def text_digest(issue: Payload) -> str:
    """The digest of what an agent would be given of this issue; "" when the payload does not hold its text."""
    if not isinstance(issue.get("title"), str):
        return ""
    return cleaning.digest(triggers.asked_text(text(issue, "title"), text(issue, "body")))
