"""What a run on a host prints, on its way into the adapter and the kept log: read on from where we were before."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.adapters.base import Adapter, Check, Line, Progress, Question, Said, SessionStarted, Usage
from bot.adapters.lines import Lines
from bot.agent.log import OutgoingLog
from bot.agent.receipt import Evidence
from bot.agent.report import usage_rows
from bot.core import ids
from bot.execution.hosts import Host, Piece, SeenRun
from bot.service import reports
from bot.store.host_runs import HostRun

#: Bytes asked for at once. They are dealt with as they come: their number costs no memory.
_PIECE: Final = 16 * 1024 * 1024
#: Unsent bytes of log that are not kept waiting for the next report.
_MUCH: Final = 128 * 1024
_MAX_CHECKS: Final = 100
_CHECK_CHARS: Final = 500
_STREAMS: Final = ("stderr", "stdout")

Tail = Callable[[Callable[[Host], Piece]], Piece]


class Listener:
    """Feeds one run's output to its adapter and keeps the log.

    The adapter hears everything from the first byte, also after our own death: it has no other memory. The log goes
    on from the position up to which it is kept; both positions are written in one transaction, at the end of a line.
    """

    def __init__(
        self,
        run_id: str,
        adapter: Adapter,
        known: Evidence,
        kept: HostRun,
        log: OutgoingLog,
        tail: Tail,
        report: Callable[[reports.Progress], object],
        every_secs: float = 1.0,
    ) -> None:
        self._run_id, self._adapter, self._known, self._log = run_id, adapter, known, log
        self._tail, self._report, self._every = tail, report, every_secs
        self._kept = {"stdout": kept.stdout_at, "stderr": kept.stderr_at}
        self._covered = dict(self._kept)
        self._at = dict.fromkeys(_STREAMS, 0)
        self._lines = Lines(adapter.max_line_bytes)
        self._checks: dict[str, bool] = {}
        self._news: dict[str, Any] = {}
        self._seq = 0
        self._reported_at = 0.0
        self.grown_at = time.monotonic()

    def read(self, seen: SeenRun) -> None:
        """Everything up to the sizes that were seen, and at the end of a run what came after."""
        sizes: Mapping[str, int] = {"stdout": seen.stdout_bytes, "stderr": seen.stderr_bytes}
        for stream in _STREAMS:
            while self._at[stream] < sizes[stream]:
                self._take(stream, sizes[stream])
        self.report()

    def end(self) -> None:
        """Nothing more comes: what had no line end, and the end of a log that was cut."""
        for line in self._lines.end():
            self._hear(line, keep=self._at[line.stream] > self._kept[line.stream])
        self._log.close()
        self._covered = dict(self._at)
        self.report(now=True, closing=True)

    def report(self, *, now: bool = False, closing: bool = False) -> None:
        """Tells the store what is new, at most once a second unless much has come."""
        if not (now or time.monotonic() - self._reported_at >= self._every):
            return
        self._reported_at = time.monotonic()
        text = self._log.everything()
        if text is None and not self._news and not closing:
            return
        heard = None
        if closing or (text is not None and not self._log.skipping):
            heard = (self._covered["stdout"], self._covered["stderr"])
        self._seq += 1
        news, self._news = self._news, {}
        self._report(reports.Progress("progress", self._seq, log=text, heard=heard, **news))
        if text is not None:
            self._log.known(text[0] + len(text[1].encode()))

    def _take(self, stream: str, size: int) -> None:
        before, kept = self._at[stream], self._kept[stream]
        end = min(kept if before < kept else size, before + _PIECE)  # a piece ends where the kept log does

        def more(host: Host) -> Piece:  # asked again after the line broke: from where we are then
            at = self._at[stream]
            return host.tail(self._run_id, stream, at, end - at, into=lambda chunk: self._add(stream, chunk))

        self._tail(more)
        if self._at[stream] == before:  # it has been cut behind our back: nothing more to be had
            self._at[stream] = size

    def _add(self, stream: str, chunk: bytes) -> None:
        at = self._at[stream]
        keep = at >= self._kept[stream]
        self._at[stream] = at + len(chunk)
        self.grown_at = time.monotonic()
        for line in self._lines.feed(stream, chunk):
            self._hear(line, keep=keep)
        end = chunk.rfind(b"\n")
        if end >= 0 and keep:
            self._covered[stream] = at + end + 1
        if self._log.unsent_bytes >= _MUCH:
            self.report(now=True)

    def _hear(self, line: Line, *, keep: bool) -> None:
        if keep:
            self._log.add(line)
        for said in self._adapter.feed(line):
            self._note(said)

    def _note(self, said: Said) -> None:
        match said:
            case Progress(words) | Question(words):
                self._news["message"] = words
            case Check(words, done):
                words = words[:_CHECK_CHARS]
                if words in self._checks or len(self._checks) < _MAX_CHECKS:
                    self._checks[words] = done
                self._news["checklist"] = tuple(self._checks.items())
            case Usage():
                self._known.usage.append(said)
                self._news["usage"] = usage_rows(self._known.usage)
            case SessionStarted(session) if ids.usable_session(session):
                self._known.session = self._news["session"] = session
