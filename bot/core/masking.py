"""Secrets taken out of text, also when the text comes in pieces and a secret lies across their seam."""

import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "***"


class Masker:
    """Knows what must not be shown; of two secrets that begin alike the longer one is looked for first."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, self._secrets))) if self._secrets else None
        self.longest = len(self._secrets[0]) if self._secrets else 0
        """Characters of the longest secret: so much text before a seam tells what may go on behind it."""

    def masked(self, text: str) -> str:
        return self._any.sub(MASK, text) if self._any else text

    def open_end(self, text: str) -> int:
        """How many characters at the end of ``text`` may be the beginning of a secret that goes on in what follows."""
        begin = max(0, len(text) - self.longest + 1)
        around = max(0, begin - self.longest)
        ends = [found.span() for found in self._any.finditer(text, around)] if self._any else []
        for at in range(begin, len(text)):
            if any(start < at < end for start, end in ends):
                continue  # within a whole secret: that is masked as one
            if any(len(secret) > len(text) - at and secret.startswith(text[at:]) for secret in self._secrets):
                return len(text) - at
        return 0


class Stream:
    """Text that comes in pieces. What may be the beginning of a secret is held back until the next piece shows it.

    ``before`` is what was shown already, at least its last two times ``longest`` characters: somebody who goes on at a
    seam gets what was held back there.
    """

    def __init__(self, masker: Masker, before: str = "") -> None:
        self._masker = masker
        end = masker.open_end(before)
        self._held = before[len(before) - end :]

    def takes(self, piece: str) -> str:
        """What may be shown now."""
        text = self._held + piece
        end = self._masker.open_end(text)
        self._held = text[len(text) - end :]
        return self._masker.masked(text[: len(text) - end])
