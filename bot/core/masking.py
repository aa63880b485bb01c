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

    def found(self, text: str, begin: int = 0) -> list[tuple[int, int]]:
        """Where secrets lie in ``text`` from ``begin`` on: beginnings and ends."""
        return [one.span() for one in self._any.finditer(text, begin)] if self._any else []

    def open_end(self, text: str) -> int:
        """How many characters at the end of ``text`` may be the beginning of a secret that goes on in what follows."""
        begin = max(0, len(text) - self.longest + 1)
        ends = self.found(text, max(0, begin - self.longest))
        for at in range(begin, len(text)):
            if any(start < at < end for start, end in ends):
                continue  # within a whole secret: that is masked as one
            if any(len(secret) > len(text) - at and secret.startswith(text[at:]) for secret in self._secrets):
                return len(text) - at
        return 0


class Stream:
    """Text that comes in pieces. What may be the beginning of a secret is held back until the next piece shows it.

    Of a beginning shorter than ``least`` characters nothing is held: nearly every text ends like some secret begins,
    and nobody is to wait for a letter. When it was one after all, what follows of it is masked.
    """

    def __init__(self, masker: Masker, least: int = 4) -> None:
        self._masker, self._least = masker, least
        self._open, self._told = "", 0  # the text's open end, and how much of that was shown all the same

    def takes(self, piece: str) -> str:
        """What may be shown now."""
        text = self._open + piece
        end = self._masker.open_end(text)
        limit = len(text) - (end if end >= self._least else 0)
        shown = self._between(text, self._told, limit)
        self._told = max(0, max(self._told, limit) - (len(text) - end))
        self._open = text[len(text) - end :]
        return shown

    def rest(self) -> str:
        """What was held back: nothing follows."""
        held, self._open, self._told = self._open[self._told :], "", 0
        return self._masker.masked(held)

    def _between(self, text: str, begin: int, limit: int) -> str:
        parts, at = [], begin
        for start, end in self._masker.found(text[:limit]):
            if end > begin:
                parts += [text[at : max(at, start)], MASK]
                at = end
        return "".join([*parts, text[at:limit]])
