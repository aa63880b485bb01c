"""What is the URL of a PostgreSQL, and what is meant for one but is none. What libpq says of it, the store knows."""

import re
from typing import Final
from urllib.parse import urlsplit

_OURS: Final = re.compile(r"postgresql://\S+")
#: A URL of whatever kind, or the `host=… dbname=…` of libpq.
_MEANT: Final = re.compile(r"[^/]*:/.*|\s*[a-z_]+\s*=.*", re.IGNORECASE | re.DOTALL)


def is_postgresql(value: str) -> bool:
    try:
        urlsplit(value)
    except ValueError:
        return False
    return _OURS.fullmatch(value) is not None


def password(url: str) -> str:
    """As it is written there, percent codes and all; "" without one."""
    before, at, _ = _parts(url)
    named = re.search(r"[?&]password=([^&]*)", url)
    return (before.partition(":")[2] if at else "") or (named[1] if named else "")


def shown(url: str) -> str:
    """For people: without user, password and parameters."""
    before, at, after = _parts(url)
    return f"postgresql://{(after if at else before + after).partition('?')[0]}"


def _parts(url: str) -> tuple[str, str, str]:
    """Who comes, "@" when somebody is named, and where to: as libpq reads it, to which ? and # are letters there."""
    found = re.match(r"postgresql://([^@/]*)(@?)(.*)", url, re.DOTALL)
    return (found[1], found[2], found[3]) if found else ("", "", url)


def is_no_file(value: str) -> bool:
    """Nobody means a file by it, though there could be one of that name: `./` in front says that it is meant."""
    return not value.strip() or _MEANT.fullmatch(value) is not None
