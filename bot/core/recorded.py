"""Events as they stand in the log."""

import json
from dataclasses import dataclass
from typing import Any

from bot.core.events import KINDS, Event
from bot.core.reasons import Reason


@dataclass(frozen=True)
class Recorded:
    """An event as it stands in the log: ``n`` counts within its task from 1, ``seq`` over the whole log.

    ``cause`` is the idempotency key, unique in the log. ``chain`` is the digest of this record and the one
    before it of the same task, so that nothing can be changed or left out unnoticed.
    """

    seq: int
    task_id: str
    n: int
    at: float
    actor: str
    cause: str
    chain: str
    event: Event


def encode(event: Event) -> str:
    """The event's fields as canonical JSON (sorted keys, no spaces)."""
    return json.dumps(vars(event), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def decode(kind: str, data: str) -> Event:
    """The event again. Raises KeyError for a kind this version does not know: fail closed, never skip."""
    cls = KINDS[kind]
    fields: dict[str, Any] = json.loads(data)
    if "reason" in fields:
        fields["reason"] = Reason(fields["reason"])
    for name in ("requirements", "reviews", "paths"):
        if name in fields:
            fields[name] = tuple(fields[name])
    return cls(**fields)
