"""Finds configured secrets in bytes: as they are, base64-encoded at any offset, or quoted for a URL."""

import base64
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

#: Shorter values would be found by chance; the settings refuse them as secrets.
MIN_LENGTH: Final = 8
_MIN_LINE: Final = 20


class SecretScan:
    """Looks for every form of the given secrets; what it found is never named."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._needles = frozenset(needle for secret in secrets for needle in _forms(secret))
        self._longest = max((len(needle) for needle in self._needles), default=1)
        longest_first = sorted(self._needles, key=len, reverse=True)
        self._any = re.compile(b"|".join(map(re.escape, longest_first)))

    def __bool__(self) -> bool:
        return bool(self._needles)

    def found_in(self, data: bytes) -> bool:
        return any(needle in data for needle in self._needles)

    def masked(self, data: bytes) -> tuple[bytes, int]:
        """``data`` with ``***`` for every secret, and how many there were."""
        return self._any.subn(b"***", data) if self._needles else (data, 0)

    def found_in_chunks(self, chunks: Iterable[bytes]) -> bool:
        """Like found_in over the joined chunks, without joining them."""
        carried = b""
        for chunk in chunks:
            window = carried + chunk
            if self.found_in(window):
                return True
            carried = window[-(self._longest - 1) :] if self._longest > 1 else b""
        return False


def _forms(secret: str) -> Iterable[bytes]:
    values = [secret.strip()]
    if "\n" in values[0]:  # a key file: each of its lines tells enough
        values += [line.strip() for line in values[0].splitlines() if not line.startswith("-----")]
        values[1:] = [line for line in values[1:] if len(line) >= _MIN_LINE]
    for value in values:
        raw = value.encode("utf-8", "surrogatepass")
        if len(raw) < MIN_LENGTH:
            continue
        yield raw
        yield raw.hex().encode()
        yield from (quote(raw, safe="").encode(), quote_plus(raw).encode())
        for before in range(3):
            yield from _base64_middle(raw, before)


def _base64_middle(raw: bytes, before: int) -> Iterable[bytes]:
    """The part of the base64 form that stays the same whatever stands around ``raw``, ``before`` bytes into
    a group.
    """
    whole = (before + len(raw)) // 3 * 3
    encoded = base64.b64encode((b"\0" * before + raw)[:whole])
    middle = encoded[4 if before else 0 :]
    if len(middle) >= MIN_LENGTH:
        yield middle
        yield middle.replace(b"+", b"-").replace(b"/", b"_")
