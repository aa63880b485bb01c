"""Bytes of two streams become lines."""

from collections.abc import Iterator

from bot.adapters.base import Line


class Lines:
    """Splits output into lines; holds at most ``max_bytes`` per stream, what is longer is cut off and said so."""

    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._open: dict[str, bytearray] = {}
        self._cut: set[str] = set()

    def feed(self, stream: str, chunk: bytes) -> Iterator[Line]:
        """The lines that ``chunk`` completes. Bytes that are not UTF-8 become replacement characters."""
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            self._add(stream, piece)
            yield self._line(stream)
        self._add(stream, rest)

    def end(self) -> Iterator[Line]:
        """What had no line end."""
        for stream in [name for name, begun in self._open.items() if begun]:
            yield self._line(stream)

    def _add(self, stream: str, piece: bytes) -> None:
        begun = self._open.setdefault(stream, bytearray())
        room = self._max - len(begun)
        begun += piece[:room]
        if len(piece) > room:
            self._cut.add(stream)

    def _line(self, stream: str) -> Line:
        data = self._open.pop(stream)
        cut = stream in self._cut
        self._cut.discard(stream)
        return Line(stream, data.removesuffix(b"\r").decode("utf-8", "replace"), cut)
