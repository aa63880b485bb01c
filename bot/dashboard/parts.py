"""The parts of a page that change while somebody looks, and telling a browser only of those that have."""

import hashlib
import json
from collections.abc import Mapping

from bot.dashboard.streams import Message

_DIGITS = 10


def edition(parts: Mapping[str, str]) -> str:
    """What the parts say, in a word: two that are equal show the same."""
    return "-".join(hashlib.sha256(html.encode()).hexdigest()[:_DIGITS] for html in parts.values())


def news(parts: Mapping[str, str], last: str) -> tuple[list[Message], str]:
    """A message for each part that is not as in the edition ``last``; the last one carries the new edition."""
    now = edition(parts)
    known = last.split("-")
    if len(known) != len(parts):
        known = [""] * len(parts)
    changed = [
        json.dumps({"id": name, "html": html})
        for (name, html), before, after in zip(parts.items(), known, now.split("-"), strict=True)
        if before != after
    ]
    ids = [""] * (len(changed) - 1) + [now]
    return [Message("part", data, number) for data, number in zip(changed, ids, strict=False)], now
