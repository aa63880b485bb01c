"""Ids that sort by time and cannot be guessed: 48 bits of milliseconds, 80 random bits, in base 32 (ULID)."""

import re
import secrets
import threading
from typing import Final

_SESSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


_guard = threading.Lock()
_last = [0, 0]  # milliseconds and random part of the id before


def new(prefix: str, at: float) -> str:
    """``prefix_`` and 26 characters; ``at`` in seconds since the epoch. Of one millisecond, the later sorts later."""
    now = int(at * 1000) & (1 << 48) - 1
    with _guard:
        low = _last[1] + 1 + secrets.randbits(40) if now == _last[0] else secrets.randbits(79)
        _last[:] = [now, low & (1 << 80) - 1]
        number = now << 80 | _last[1]
    return f"{prefix}_{_digits(number)}"


def not_before(prefix: str, at: float) -> str:
    """Ids made at ``at`` or later sort behind this, earlier ones before it."""
    return f"{prefix}_{_digits((int(at * 1000) & (1 << 48) - 1) << 80)}"


def _digits(number: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def usable_session(session: object) -> bool:
    """Whether an agent CLI's session id may be stored and become a word of a command line: never an option."""
    return isinstance(session, str) and _SESSION.fullmatch(session) is not None
