"""What a run prints, on its way to the server: cleaned, secrets masked, bounded, by byte position."""

import hashlib
import threading
from collections import deque
from collections.abc import Iterable
from typing import Final

from bot.adapters.base import Line
from bot.core import agent_text as text
from bot.core import cleaning
from bot.execution.secretscan import SecretScan

#: Bytes of one report; kept while the server is away; sent before only the end still counts; kept of that end.
PIECE_BYTES: Final = 32 * 1024
_UNSENT_BYTES: Final = 1024 * 1024
_HEAD_BYTES: Final = 3 * 1024 * 1024
_TAIL_BYTES: Final = 256 * 1024
#: Characters of a line; and how much of a shortened one's end is dropped, where half a secret could stand.
_LINE_CHARS: Final = 16 * 1024
_CUT_CHARS: Final = 1024
#: Answers in a row in which nothing of what we send arrives, after which the log is given up.
_STUCK: Final = 20


class OutgoingLog:
    """A stream of bytes of which the server knows the first part. One thread adds, another one sends.

    When more comes than can be sent, or than is worth sending, the middle is left out and said so: positions
    count what is sent, so they stay without gaps.
    """

    def __init__(self, secrets: Iterable[str], position: int = 0) -> None:
        """``position``: bytes that are known already, when a log is gone on with."""
        self._scan = SecretScan(secrets)
        self._lock = threading.Lock()
        self._unsent = bytearray()  # what the server does not know yet, from position _known on
        self._known = position
        self._tail: deque[bytes] = deque()
        self._tail_bytes = self._left_out = 0
        self._skipping = self._lost = False
        self._stuck = 0
        self._sha256 = hashlib.sha256()
        self.redactions = 0

    def add(self, line: Line) -> None:
        """One more line."""
        cut = line.cut or len(line.text) > _LINE_CHARS
        shown, found = self._scan.masked(cleaning.plain(line.text[:_LINE_CHARS]).encode())
        if cut:
            shown = shown.decode()[:-_CUT_CHARS].encode() + "…".encode()
        data = shown + b"\n"
        with self._lock:
            self.redactions += found
            end = self._known + len(self._unsent)
            if self._skipping or len(self._unsent) + len(data) > _UNSENT_BYTES or end + len(data) > _HEAD_BYTES:
                self._skip(data)
            else:
                self._append(data)

    def close(self) -> None:
        """Nothing more comes: what was kept of the end is added."""
        with self._lock:
            self._go_on()

    def piece(self) -> tuple[int, str] | None:
        """(position, text) of what to send next, or None when the server knows everything."""
        with self._lock:
            if self._lost or not self._unsent:
                return None
            # A character cut in two at the end waits for the next piece.
            return self._known, self._unsent[:PIECE_BYTES].decode("utf-8", "ignore")

    def everything(self) -> tuple[int, str] | None:
        """(position, text) of all that is not known yet, for one who takes it at once; None when there is nothing."""
        with self._lock:
            return (self._known, self._unsent.decode("utf-8", "ignore")) if self._unsent else None

    @property
    def skipping(self) -> bool:
        """Whether lines are being left out now."""
        return self._skipping

    def known(self, position: int) -> None:
        """The server knows the first ``position`` bytes; we go on from there."""
        with self._lock:
            if position < self._known:  # it lost what it had, and so have we
                self._lost = True
                return
            moved = min(position - self._known, len(self._unsent))
            self._stuck = 0 if moved or not self._unsent else self._stuck + 1
            self._lost = self._stuck >= _STUCK
            del self._unsent[:moved]
            self._known += moved
            if not self._unsent and self._skipping and self._known < _HEAD_BYTES - _TAIL_BYTES:
                self._go_on()

    @property
    def unsent_bytes(self) -> int:
        with self._lock:
            return 0 if self._lost else len(self._unsent)

    def facts(self) -> dict[str, object]:
        """Digest and size of everything sent, for the receipt."""
        with self._lock:
            return {
                "sha256": self._sha256.hexdigest(),
                "bytes": self._known + len(self._unsent),
                "truncated": self._left_out > 0,
                "redactions": self.redactions,
            }

    def _append(self, data: bytes) -> None:
        self._unsent += data
        self._sha256.update(data)

    def _skip(self, data: bytes) -> None:
        self._skipping = True
        self._tail.append(data)
        self._tail_bytes += len(data)
        while self._tail_bytes > _TAIL_BYTES:
            dropped = len(self._tail.popleft())
            self._tail_bytes -= dropped
            self._left_out += dropped

    def _go_on(self) -> None:
        if self._skipping:
            if self._left_out:
                self._append(f"{text.log_left_out(self._left_out)}\n".encode())
            for data in self._tail:
                self._append(data)
            self._tail.clear()
            self._tail_bytes, self._skipping = 0, False
