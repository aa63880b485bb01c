"""Reading payload fields that a forge under load may leave out (a failed conversion gives empty objects)."""

from collections.abc import Mapping
from typing import Any

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
