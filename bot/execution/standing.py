"""A session that stays open on a host: the wrapper in it answers one short request after another.

A session of its own costs a request the login shell, its profile and the reading of the wrapper. One thread at a time
uses this one; whoever comes meanwhile, and whatever has a body, goes the ordinary way.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Self

import paramiko

from bot.core import host_text as text
from bot.execution.calls import GREETING, MAX_NOISE, STDERR_TAIL, Finished
from bot.execution.host_errors import HostBroken, Unreachable
from bot.execution.overdue import Overdue, Watched

_CHUNK: Final = 32 * 1024
Opener = Callable[[], tuple[paramiko.Channel, Callable[[], None]]]


class Standing:
    """The session of one host; opened when it is first used, and again after it was lost."""

    def __init__(self, name: str, opener: Opener, overdue: Overdue) -> None:
        """``opener`` gives a channel with the wrapper's ``serve`` in it, and what to call when it is over."""
        self._name, self._opener, self._overdue = name, opener, overdue
        self._busy = threading.Lock()
        self._open: tuple[paramiko.Channel, Callable[[], None]] | None = None

    @contextmanager
    def taken(self) -> Iterator[Self | None]:
        """The session for this thread alone, or None while another one has it."""
        if not self._busy.acquire(blocking=False):
            yield None
            return
        try:
            yield self
        finally:
            self._busy.release()

    def ask(self, request: bytes, sink: Callable[[bytes], None], quiet_secs: float) -> Finished | None:
        """One request. None when a session from before turned out to be lost: nothing was answered, so ask again.

        Raises Unreachable (``ambiguous``) when an answer was begun, or nothing was heard for ``quiet_secs``.
        """
        if self._open is not None and not _is_alive(self._open[0]):
            self._let_go()
        fresh = self._open is None
        if self._open is None:
            self._open = self._opener()
        channel, whole, heard = self._open[0], False, bytearray()
        try:
            with self._overdue.watching(quiet_secs, channel.get_transport().close) as watched:
                finished = self._exchange(channel, request, heard, watched)
                if finished is None and (fresh or heard or watched.fired):
                    why = text.silent(quiet_secs) if watched.fired else text.connection_lost()
                    raise Unreachable(self._name, why, ambiguous=True)
            if heard:
                sink(bytes(heard))
            whole = finished is not None and finished.exit_code == 0
            return finished
        finally:
            if not whole:
                self._let_go()

    def _exchange(
        self, channel: paramiko.Channel, request: bytes, heard: bytearray, watched: Watched
    ) -> Finished | None:
        """None when the session is lost, a good end with the answer's empty line, a bad one with the session's."""
        try:
            channel.sendall(request)
        except (OSError, EOFError, paramiko.SSHException):
            watched.beat()  # it has stopped listening; its last words say why
        watched.beat()
        while chunk := channel.recv(_CHUNK):
            watched.beat()
            heard += chunk
            if _is_whole(heard):
                return Finished(0, "")
            if len(heard) > MAX_NOISE:
                raise HostBroken(text.too_much(self._name, MAX_NOISE), "", "answer")
        tail = b""
        while chunk := channel.recv_stderr(_CHUNK):
            watched.beat()
            tail = (tail + chunk)[-STDERR_TAIL:]
        code = channel.recv_exit_status()
        return Finished(code, tail.decode("utf-8", "replace")) if code > 0 else None

    def _let_go(self) -> None:
        if self._open is not None:
            _, over = self._open
            self._open = None
            over()


def end(channel: paramiko.Channel) -> None:
    """Close it; on a connection that is dead already there is nobody to be told."""
    with suppress(OSError, EOFError, paramiko.SSHException):
        channel.close()


def _is_alive(channel: paramiko.Channel) -> bool:
    transport = channel.get_transport()
    return not channel.closed and not channel.eof_received and transport.is_active()


def _is_whole(heard: bytearray) -> bool:
    start = heard.find(GREETING)
    return start >= 0 and heard.find(b"\n\n", start + len(GREETING) - 1) >= 0
