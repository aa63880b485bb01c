"""Canonical JSON: the same value always becomes the same bytes, so that a digest or a signature means something.

A subset of RFC 8785: members sorted by their UTF-16 code units, no spaces, its escapes, UTF-8. Numbers are integers
of at most 53 bits only: how a fraction is written differs between languages, and NaN is no JSON at all. What is
outside the subset is refused, never rounded.
"""

import hashlib
import json
from typing import Any, Final

#: Largest integer that every JSON reader keeps exactly.
MAX_INT: Final = 2**53 - 1
MAX_DEPTH: Final = 64


class NotCanonical(ValueError):
    """A value or a text outside the subset; says what and where."""


def encode(value: object) -> bytes:
    """The canonical bytes of ``value``. Raises NotCanonical."""
    try:
        return _text(value, "$", 0).encode()
    except UnicodeEncodeError as problem:
        raise NotCanonical("a string holds half a character (a lone surrogate)") from problem


def digest(value: object) -> str:
    """SHA-256 of the canonical bytes, hex."""
    return hashlib.sha256(encode(value)).hexdigest()


def decode(data: bytes) -> Any:
    """The value of a JSON text that may be spaced and ordered in any way. Raises NotCanonical.

    A member named twice is refused: readers do not agree which one counts.
    """
    try:
        found = json.loads(
            data.decode("utf-8"), parse_float=_no_fraction, parse_constant=_no_fraction, object_pairs_hook=_members
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as problem:
        raise NotCanonical(f"it is no JSON ({problem})") from problem
    encode(found)
    return found


def plain(value: object) -> Any:
    """``value`` brought into the subset: fractions and too large integers become text, other keys than text too.

    For what others wrote (an agent's costs in dollars); it says the same, and can be signed.
    """
    match value:
        case bool() | None | str():
            return value
        case int():
            return value if abs(value) <= MAX_INT else str(value)
        case float():
            return repr(value)
        case dict():
            return {str(name): plain(one) for name, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case _:
            return str(value)


def _text(value: object, where: str, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise NotCanonical(f"{where} is nested too deep")
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int() if abs(value) <= MAX_INT:
            return str(value)
        case int():
            raise NotCanonical(f"{where} is larger than 53 bits")
        case float():
            raise NotCanonical(f"{where} is a number with a fraction")
        case dict():
            if not all(isinstance(name, str) for name in value):
                raise NotCanonical(f"{where} has a member whose name is no text")
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            parts = (
                f"{_text(name, where, depth)}:{_text(value[name], f'{where}.{name}', depth + 1)}" for name in names
            )
            return "{" + ",".join(parts) + "}"
        case list() | tuple():
            return "[" + ",".join(_text(one, f"{where}[{i}]", depth + 1) for i, one in enumerate(value)) + "]"
        case _:
            raise NotCanonical(f"{where} is nothing that JSON has ({type(value).__name__})")


def _no_fraction(written: str) -> object:
    raise NotCanonical(f"{written[:40]} is no integer")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonical("a member is named twice")
    return found
