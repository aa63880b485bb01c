"""Our statements are written once, as SQLite reads them; here they become what PostgreSQL reads."""

import math
import re
from functools import lru_cache
from typing import Any, Final

_INT64: Final = range(-(2**63), 2**63)
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
    parts = _QUOTED.split(text.replace("%", "%%"))
    parts[::2] = [_LIKE.sub("ILIKE", part.replace("?", "%s")) for part in parts[::2]]
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


def value(given: Any) -> Any:
    """A value as SQLite would have taken it. Raises OverflowError and UnicodeEncodeError where SQLite does."""
    if isinstance(given, str):
        given.encode()  # a lone surrogate
        if _ESCAPE in given or "\x00" in given:
            return given.replace(_ESCAPE, _ITSELF).replace("\x00", _NUL)
    elif isinstance(given, bool):
        return int(given)
    elif isinstance(given, int):
        if given not in _INT64:
            raise OverflowError("Python int too large to convert to a database's INTEGER")
    elif isinstance(given, float) and math.isnan(given):
        return None
    return given


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
