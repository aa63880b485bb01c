"""How big a git pack becomes when unpacked, found out before git may touch it.

Git inflates each object whole in memory and obeys what a delta says about the size of its result, so a pack
of a few kilobytes can ask for gigabytes. Here every object is inflated a chunk at a time and thrown away,
delta results are counted by the size they declare (git refuses a delta that lies about it), and reading
stops at the cap.
"""

import zlib
from dataclasses import dataclass
from typing import IO, Final

_CHUNK: Final = 16 * 1024
_OFS_DELTA: Final = 6
_REF_DELTA: Final = 7
_KINDS: Final = frozenset({1, 2, 3, 4, _OFS_DELTA, _REF_DELTA})
_DELTA_HEADER: Final = 20  # two varints of at most ten bytes
_TRAILER: Final = 20


class BrokenPack(Exception):
    """The bytes are not a whole pack; the message says what is wrong."""


class PackTooLarge(Exception):
    """More objects or more unpacked bytes than allowed; ``objects`` is set when it was their number."""

    def __init__(self, objects: int | None = None) -> None:
        super().__init__(objects)
        self.objects = objects


@dataclass(frozen=True)
class PackSize:
    """``unpacked`` is the sum of all objects' bytes, deltas counted with what they expand to."""

    objects: int
    unpacked: int


def measure(stream: IO[bytes], *, max_objects: int, max_unpacked: int) -> PackSize:
    """Read one pack from ``stream`` to its end. Raises BrokenPack or PackTooLarge; its checksum is left to
    git.
    """
    source = _Source(stream)
    header = source.take(12)
    if header[:4] != b"PACK" or int.from_bytes(header[4:8], "big") not in (2, 3):
        raise BrokenPack("it holds no pack")
    objects = int.from_bytes(header[8:12], "big")
    if objects > max_objects:
        raise PackTooLarge(objects)
    unpacked = 0
    for _ in range(objects):
        unpacked += _entry(source, max_unpacked - unpacked)
        if unpacked > max_unpacked:
            raise PackTooLarge
    source.take(_TRAILER)
    if not source.at_end():
        raise BrokenPack("something follows its end")
    return PackSize(objects, unpacked)


def _entry(source: "_Source", allowed: int) -> int:
    byte = source.byte()
    kind, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & 0x80:
        byte = source.byte()
        size |= (byte & 0x7F) << shift
        shift += 7
        if shift > 63:
            raise BrokenPack("an object declares an impossible size")
    if kind not in _KINDS:
        raise BrokenPack("an object is of an unknown kind")
    if size > allowed:
        raise PackTooLarge
    if kind == _OFS_DELTA:
        while source.byte() & 0x80:
            pass
    elif kind == _REF_DELTA:
        source.take(20)
    start = _inflate(source, size)
    return size + _delta_result(start) if kind in (_OFS_DELTA, _REF_DELTA) else size


def _inflate(source: "_Source", size: int) -> bytes:
    """Pass over one compressed object of ``size`` bytes; returns its first few bytes."""
    inflater = zlib.decompressobj()
    seen, start = 0, b""
    data = source.some()
    while not inflater.eof:
        try:
            out = inflater.decompress(data, _CHUNK)
        except zlib.error:
            raise BrokenPack("an object cannot be decompressed") from None
        seen += len(out)
        if len(start) < _DELTA_HEADER:
            start += out[:_DELTA_HEADER]
        if seen > size:
            raise BrokenPack("an object is larger than it says")
        data = inflater.unconsumed_tail
        if not data and not out and not inflater.eof:
            data = source.some()
    if seen != size:
        raise BrokenPack("an object is smaller than it says")
    source.push_back(inflater.unused_data)
    return start


def _delta_result(start: bytes) -> int:
    """The size a delta declares for its result: the second of the two numbers it begins with."""
    numbers: list[int] = []
    value = shift = 0
    for byte in start:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            numbers.append(value)
            value = shift = 0
            if len(numbers) == 2:
                return numbers[1]
    raise BrokenPack("a delta is cut off")


class _Source:
    """Bytes with a push-back; a premature end is a BrokenPack."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._buffer = stream, b""

    def some(self) -> bytes:
        data, self._buffer = self._buffer or self._stream.read(_CHUNK), b""
        if not data:
            raise BrokenPack("it is cut off")
        return data

    def take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            more = self._stream.read(_CHUNK)
            if not more:
                raise BrokenPack("it is cut off")
            self._buffer += more
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def byte(self) -> int:
        return self.take(1)[0]

    def push_back(self, data: bytes) -> None:
        self._buffer = data + self._buffer

    def at_end(self) -> bool:
        return not self._buffer and not self._stream.read(1)
