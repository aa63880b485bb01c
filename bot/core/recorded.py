"""Events as they stand in the log."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

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
    """The event again. Raises KeyError for a kind this version does not know: fail closed, never skip.

    Raises ValueError or TypeError for what is not an event of its kind, whatever stands there.
    """
    cls = KINDS[kind]
    said: dict[str, Any]
    said, end = _read(data)
    if end != len(data):
        raise json.JSONDecodeError("there is more behind it", data, end)
    if not isinstance(said, dict):
        raise TypeError("not an object with the event's fields")
    if "reason" in said:
        said["reason"] = Reason(said["reason"])
    for name in _TUPLES[kind]:
        if name in said:
            said[name] = tuple(said[name])
    if said.keys() != _FIELDS[kind]:
        return cls(**said)  # it is older than a field, which has a default, or it is none of ours: TypeError
    event = object.__new__(cls)  # a frozen dataclass would set field by field, and a replay does little else
    vars(event).update(said)
    return event


#: As ``json.loads``, which looks for blanks around it: what `encode` wrote has none.
_read: Final = json.JSONDecoder().raw_decode
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset(field.name for field in fields(cls)) for kind, cls in KINDS.items()
}
_TUPLES: Final[Mapping[str, tuple[str, ...]]] = {
    kind: tuple(name for name in ("requirements", "reviews", "paths") if name in names)
    for kind, names in _FIELDS.items()
}
