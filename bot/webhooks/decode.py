"""A stored body as a payload: whatever is in it, reading it never fails."""

import json
from typing import Any

from bot.core import cleaning


def payload(body: bytes) -> dict[str, Any] | None:
    """The JSON object, its texts made storable; None when there is none to be read (not JSON, too deep, no object)."""
    try:
        found = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return _clean(found) if isinstance(found, dict) else None


def _clean(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return cleaning.storable(value)
    if isinstance(value, dict) and depth < 50:
        return {cleaning.storable(k): _clean(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list) and depth < 50:
        return [_clean(x, depth + 1) for x in value]
    return value if value is None or isinstance(value, bool | int | float) else None
