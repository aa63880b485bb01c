"""One way to read JSON from outside: what any of our databases could choke on is refused here, with a reason."""

import json
import math
import re
from typing import Any, Final

from bot.core import api_text as text
from bot.core.errors import Refused

MAX_DEPTH: Final = 50
_INT64: Final = 2**63
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
#: More digits than any number we take; the conversion of long ones is slow and refused by Python itself.
_MAX_DIGITS: Final = 400


def loads(data: bytes) -> Any:
    """The value of a JSON text. Raises Refused (400) and says why.

    Strict UTF-8 (a byte order mark is refused), at most ``MAX_DEPTH`` levels, integers within 64 bits, finite
    numbers, no NUL and no lone surrogates in any string, no key twice in one object.
    """
    try:
        written = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise _refused(text.not_utf8(problem.start)) from problem
    try:
        found = json.loads(
            written, parse_constant=_no_constant, parse_int=_integer, parse_float=_finite, object_pairs_hook=_table
        )
    except json.JSONDecodeError as problem:
        raise _refused(text.not_json(problem.msg, problem.lineno, problem.colno)) from problem
    except RecursionError as problem:
        raise _refused(text.too_deep(MAX_DEPTH)) from problem
    _look_through(found, 1)
    return found


def _look_through(value: object, depth: int) -> None:
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise _refused(text.not_storable())
    elif isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise _refused(text.too_deep(MAX_DEPTH))
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        for one in inner:
            _look_through(one, depth + 1)


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refused(text.key_twice())
    return found


def _no_constant(name: str) -> float:
    raise _refused(text.no_such_number(name))


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS or not -_INT64 <= int(digits) < _INT64:
        raise _refused(text.number_too_large())
    return int(digits)


def _finite(digits: str) -> float:
    found = float(digits) if len(digits) <= _MAX_DIGITS else math.inf
    if not math.isfinite(found):
        raise _refused(text.number_too_large())
    return found


def _refused(reason: str) -> Refused:
    return Refused(reason, text.send_json(), 400, "malformed")
