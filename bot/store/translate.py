"""Our statements are written once, as SQLite reads them; here they become what PostgreSQL reads."""

import itertools
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from peewee import ProgrammingError

_INT64: Final = range(-(2**63), 2**63)
#: PostgreSQL's numbers of its types.
_INT8: Final = 20
_FLOAT8: Final = 701
BYTES: Final = 17
#: PostgreSQL's text cannot hold NUL. These two code points are no characters, so nobody's text has them by accident.
_ESCAPE: Final = "\U0010ffff"
_NUL: Final = _ESCAPE + "0"
_ITSELF: Final = _ESCAPE + "1"

_QUOTED: Final = re.compile(r"('(?:[^']|'')*')")
_SCALAR: Final = {"max": "greatest", "min": "least"}
_CALL: Final = re.compile(r"\b(max|min)\(", re.IGNORECASE)
_TRIGGER: Final = re.compile(
    r"CREATE TRIGGER (\w+) BEFORE (UPDATE|DELETE) ON (\w+)\s+BEGIN SELECT RAISE\(ABORT, ('(?:[^']|'')*')\); END\s*$"
)
_LIKE: Final = re.compile(r"\bLIKE\b")
_DDL: Final = re.compile(r"\s*(CREATE TABLE|ALTER TABLE)\b", re.IGNORECASE)


@lru_cache(maxsize=4096)
def statement(text: str) -> str:
    """Placeholders ``?`` become ``%s``, max and min of several values greatest and least, LIKE ignores case."""
    return _translated(text.replace("%", "%%"), lambda: "%s")


@lru_cache(maxsize=4096)
def numbered(text: str) -> str:
    """The same with placeholders as the server itself reads them: ``$1``, ``$2`` …"""
    numbers = itertools.count(1)
    return _translated(text, lambda: f"${next(numbers)}")


def _translated(text: str, mark: Callable[[], str]) -> str:
    parts = _QUOTED.split(text)
    parts[::2] = [_LIKE.sub("ILIKE", re.sub(r"\?", lambda _: mark(), part)) for part in parts[::2]]
    return _scalars("".join(parts))


def definition(text: str) -> str:
    """A statement of a migration: text compares byte by byte as in SQLite, and triggers have a function."""
    trigger = _TRIGGER.match(text.strip())
    if trigger:
        name, event, table, message = trigger.groups()
        return (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN RAISE EXCEPTION USING MESSAGE = {message}, ERRCODE = 'integrity_constraint_violation'; END $$; "
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
        )
    if _DDL.match(text):
        return re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', text)
    return text


def parameter(given: Any) -> tuple[bytes | None, int]:
    """A value as SQLite would have taken it, and its type (0 = what fits).

    Raises OverflowError, UnicodeEncodeError and ProgrammingError where SQLite does.
    """
    if isinstance(given, str):
        if _ESCAPE in given or "\x00" in given:
            given = given.replace(_ESCAPE, _ITSELF).replace("\x00", _NUL)
        return given.encode(), 0  # not of a lone surrogate
    if isinstance(given, int):
        if given not in _INT64:
            raise OverflowError("Python int too large to convert to a database's INTEGER")
        return b"%d" % given, _INT8
    if isinstance(given, float):
        return (None, 0) if math.isnan(given) else (repr(given).encode(), _FLOAT8)
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(given), BYTES
    if given is None:
        return None, 0
    raise ProgrammingError(f"no value for a database: {type(given).__name__}")


def restored(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows as they were given; the same list when nothing in it was escaped, which is nearly always."""
    if not any(isinstance(cell, str) and not cell.isascii() and _ESCAPE in cell for row in rows for cell in row):
        return rows
    return [tuple(_unescaped(cell) for cell in row) for row in rows]


def _unescaped(cell: Any) -> Any:
    return cell.replace(_NUL, "\x00").replace(_ITSELF, _ESCAPE) if isinstance(cell, str) else cell


def _scalars(text: str) -> str:
    for call in reversed(list(_CALL.finditer(text))):
        if _has_comma(text, call.end()):
            text = text[: call.start()] + _SCALAR[call[1].lower()] + text[call.end() - 1 :]
    return text


def _has_comma(text: str, at: int) -> bool:
    """Whether the brackets that were opened before ``at`` hold more than one argument."""
    depth = 1
    for character in text[at:]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if not depth:
            return False
        if character == "," and depth == 1:
            return True
    return False
