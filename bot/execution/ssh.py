"""The wrapper over SSH: warm connections, pinned host keys, time limits of our own.

Nothing else imports paramiko. What it does not do by itself (seen with 5.1): TCP_NODELAY (44 ms per command without
it), noticing a half-open connection (keepalive does not; every wait here is watched by ``Overdue``), refusing a NUL
(one kills the whole connection), leaving out CBC and 3DES.
"""

import logging
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import paramiko

from bot.core import host_text as text
from bot.execution import calls
from bot.execution.calls import QUIET_SECS, STDERR_TAIL, Finished, Way
from bot.execution.host_errors import AuthRefused, HostKeyProblem, Unreachable
from bot.execution.hostkeys import PinnedKeys, SeenKey
from bot.execution.overdue import Overdue, Watched
from bot.execution.standing import Standing, end

_CHUNK: Final = 32 * 1024
_KEEPALIVE_SECS: Final = 15
_OPEN_SECS: Final = 10.0
#: With fewer sessions on a connection, none is kept open for what may come.
_ROOMY: Final = 4
_WEAK: Final = ("cbc", "3des", "arcfour", "md5", "sha1")
_RSA: Final = ("rsa-sha2-512", "rsa-sha2-256")
# Without this, Python prints what paramiko logs to stderr when nobody has set up logging.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
# Every broken connection would come with a stack trace; our own errors say what happened.
logging.getLogger("paramiko.transport").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Login:
    """Where to log in, as whom, with which key. ``max_sessions`` per connection (sshd's own limit is 10)."""

    hostname: str
    user: str
    port: int = 22
    key_path: Path | None = None
    passphrase_file: Path | None = None
    use_agent: bool = False
    connect_secs: float = 15.0
    max_sessions: int = 8
    max_connections: int = 16

    @property
    def where(self) -> str:
        return f"{self.hostname}:{self.port}"


class _Line:
    """One connection: sessions open or being asked for on it, and how many there may be."""

    def __init__(self, transport: paramiko.Transport, limit: int) -> None:
        self.transport, self.limit, self.open = transport, limit, 0
        # paramiko keeps one error per connection: of two sessions refused at once, one would get the other's.
        self.asking = threading.Lock()


class SshHost(Way):
    """One host; connections are made when needed, kept warm and replaced when they fail."""

    def __init__(self, name: str, work_dir: str, login: Login, keys: PinnedKeys) -> None:
        self.name, self.work_dir = name, work_dir
        self._login, self._keys = login, keys
        self._free = threading.Condition()
        self._lines: list[_Line] = []
        self._connecting = self._closed = False
        self._limit = login.max_sessions
        self._overdue = Overdue(name)
        self._standing = Standing(name, self._open_to_serve, self._overdue)
        # Looking up a name takes as long as it likes: in a thread of its own it can be left to itself.
        self._pool = ThreadPoolExecutor(2, thread_name_prefix=f"ssh {name}")

    def stream(
        self,
        words: Sequence[str],
        stdin: Iterable[bytes] = (),
        sink: Callable[[bytes], None] = lambda _: None,
        *,
        quiet_secs: float = QUIET_SECS,
    ) -> Finished:
        command = self._command(words)
        with (
            self._session() as (line, channel),
            self._overdue.watching(quiet_secs, line.transport.close) as watched,
        ):
            try:
                return _exchange(channel, command, stdin, sink, watched)
            except (paramiko.SSHException, EOFError, _Lost) as error:
                why = text.silent(quiet_secs) if watched.fired else text.connection_lost()
                raise Unreachable(self.name, why, ambiguous=True) from error

    def ask(self, words: Sequence[str], stdin: bytes, sink: Callable[[bytes], None], *, quiet_secs: float) -> Finished:
        """In the session that stays open, when it is free: no login shell has to start for that."""
        with self._standing.taken() as session:
            if session is not None and self._limit >= _ROOMY:
                line = "".join((" ".join(map(calls.word, words)), "\n"))
                finished = session.ask(line.encode("ascii") + stdin, sink, quiet_secs)
                if finished is not None:
                    return finished
        return self.stream(words, [stdin], sink, quiet_secs=quiet_secs)

    def _command(self, words: Sequence[str]) -> str:
        return "exec " + shlex.join(calls.argv(self.work_dir, words))

    def _open_to_serve(self) -> tuple[paramiko.Channel, Callable[[], None]]:
        """A session in which the wrapper answers request after request, and what to call when it is over."""
        line, channel = self._open()
        try:
            channel.exec_command(self._command(["serve"]))
        except (paramiko.SSHException, EOFError, OSError) as error:
            end(channel)
            self._release(line)
            raise Unreachable(self.name, text.connection_lost()) from error

        def over() -> None:
            end(channel)
            self._release(line)

        return channel, over

    @property
    def connections(self) -> int:
        """How many connections are up."""
        with self._free:
            return sum(line.transport.is_active() for line in self._lines)

    def cut(self) -> None:
        """Drop every connection at once; the next call makes new ones."""
        with self._free:
            lines = list(self._lines)
        for line in lines:
            line.transport.close()

    def close(self) -> None:
        with self._free:
            self._closed = True
            lines, self._lines = self._lines, []
            self._free.notify_all()
        for line in lines:
            line.transport.close()
        self._overdue.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    @contextmanager
    def _session(self) -> Iterator[tuple[_Line, paramiko.Channel]]:
        line, channel = self._open()
        try:
            yield line, channel
        finally:
            end(channel)
            self._release(line)

    def _open(self) -> tuple[_Line, paramiko.Channel]:
        """A session on some connection. What is found dead or full on the way is left behind: nothing was sent yet."""
        why, failures = text.sessions_refused(), 0
        while failures < 3:
            line = self._reserve()
            try:
                with line.asking, self._overdue.watching(_OPEN_SECS + 1, line.transport.close):
                    channel = line.transport.open_session(timeout=_OPEN_SECS)
            except paramiko.ChannelException:  # sshd says no: MaxSessions, as it counts them
                failures += self._learn_limit(line)
            except (paramiko.SSHException, EOFError, OSError):
                why, failures = text.silent(_OPEN_SECS), failures + 1
                self._release(line)
                self._drop(line)
            else:
                return line, channel
        raise Unreachable(self.name, why)

    def _learn_limit(self, line: _Line) -> bool:
        """A session was refused: those granted, or still being asked for, are all there may be.

        Each refusal lowers it, so when all have their answer it is what the server allows. True when that is nothing.
        """
        with self._free:
            line.open -= 1
            line.limit = line.open
            self._limit = max(1, min(self._limit, line.limit))
            self._free.notify_all()
            alone = line.open == 0
        if alone:
            self._drop(line)
        return alone

    def _reserve(self) -> _Line:
        until = time.monotonic() + QUIET_SECS
        with self._free:
            while not self._closed:
                for gone in [line for line in self._lines if not line.transport.is_active()]:
                    self._lines.remove(gone)
                line = min((line for line in self._lines if line.open < line.limit), key=_load, default=None)
                if line is not None:
                    line.open += 1
                    return line
                # One at a time: it will have room for many of those that wait here.
                if not self._connecting and len(self._lines) < self._login.max_connections:
                    self._connecting = True
                    break
                if not self._free.wait(until - time.monotonic()):
                    raise Unreachable(self.name, text.no_session_free(QUIET_SECS))
            else:
                raise Unreachable(self.name, text.connection_lost())
        return self._another()

    def _another(self) -> _Line:
        try:
            line = _Line(self._connect(), self._limit)
            line.open = 1
            with self._free:
                if self._closed:
                    line.transport.close()
                    raise Unreachable(self.name, text.connection_lost())
                self._lines.append(line)
            return line
        finally:
            with self._free:
                self._connecting = False
                self._free.notify_all()

    def _release(self, line: _Line) -> None:
        with self._free:
            line.open -= 1
            self._free.notify()

    def _drop(self, line: _Line) -> None:
        line.transport.close()
        with self._free:
            if line in self._lines:
                self._lines.remove(line)
            self._free.notify_all()

    def _connect(self) -> paramiko.Transport:
        asked = self._pool.submit(_logged_in, self.name, self._login, self._keys)
        try:
            return asked.result(2 * self._login.connect_secs)
        except TimeoutError:
            asked.add_done_callback(_close_late)
            raise Unreachable(self.name, text.silent(2 * self._login.connect_secs)) from None


class _Lost(Exception):
    """The channel ended without the exit code of the command."""


def _load(line: _Line) -> int:
    return line.open


def _close_late(asked: "Future[paramiko.Transport]") -> None:
    if not asked.cancelled() and asked.exception() is None:
        asked.result().close()


def _exchange(
    channel: paramiko.Channel,
    command: str,
    stdin: Iterable[bytes],
    sink: Callable[[bytes], None],
    watched: Watched,
) -> Finished:
    try:
        channel.exec_command(command)
    except OSError as error:  # a connection's own, saved for whoever asks next
        raise _Lost from error
    watched.beat()
    try:
        for chunk in stdin:
            for start in range(0, len(chunk), _CHUNK):
                channel.sendall(chunk[start : start + _CHUNK])
                watched.beat()
        channel.shutdown_write()
    except OSError:
        # The other side has stopped listening; its answer says why, and when there is none we say so below.
        watched.beat()
    while chunk := channel.recv(_CHUNK):
        watched.beat()
        sink(chunk)
    tail = b""
    while chunk := channel.recv_stderr(_CHUNK):
        watched.beat()
        tail = (tail + chunk)[-STDERR_TAIL:]
    code = channel.recv_exit_status()
    if code < 0:
        raise _Lost
    return Finished(code, tail.decode("utf-8", "replace"))


def seen_key(login: Login) -> SeenKey:
    """The host key a server shows, without logging in. Raises Unreachable."""
    transport = _handshaken(login.where, login, [])
    try:
        return SeenKey.of(transport.get_remote_server_key())
    finally:
        transport.close()


def _logged_in(name: str, login: Login, keys: PinnedKeys) -> paramiko.Transport:
    transport = _handshaken(name, login, keys.types())
    try:
        keys.check(SeenKey.of(transport.get_remote_server_key()))
        _log_in(name, login, transport)
        transport.set_keepalive(_KEEPALIVE_SECS)
    except BaseException:
        transport.close()
        raise
    return transport


def _handshaken(name: str, login: Login, first: Sequence[str]) -> paramiko.Transport:
    """A connection after the key exchange; key types in ``first`` are asked for before others."""
    try:
        sock = socket.create_connection((login.hostname, login.port), timeout=login.connect_secs)
    except OSError as error:
        raise Unreachable(name, _reason(error, login.connect_secs)) from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(sock)
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = login.connect_secs
    options = transport.get_security_options()
    options.ciphers = [each for each in options.ciphers if not _is_weak(each)]
    options.digests = [each for each in options.digests if not _is_weak(each)]
    options.kex = [each for each in options.kex if not _is_weak(each)]
    wanted = [each for kind in first for each in (_RSA if kind == "ssh-rsa" else (kind,))]
    known = [each for each in options.key_types if each != "ssh-rsa"]
    options.key_types = sorted(known, key=lambda each: each not in wanted)
    try:
        transport.start_client(timeout=login.connect_secs)
        if not transport.initial_kex_done:  # it returns without a word when the time is up
            raise TimeoutError
    except paramiko.ssh_exception.IncompatiblePeer as error:
        transport.close()
        raise HostKeyProblem(text.no_common_algorithm(name, str(error)), text.update_the_server(), "") from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        transport.close()
        raise Unreachable(name, _reason(error, login.connect_secs)) from error
    return transport


def _is_weak(name: str) -> bool:
    # hmac-sha2 is fine; "sha1" as a whole part of a name is not
    return any(part in name.replace("hmac-sha1", "sha1") for part in _WEAK)


def _reason(error: BaseException, secs: float) -> str:
    if isinstance(error, TimeoutError) or not str(error):
        return text.silent(secs)
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")


def _log_in(name: str, login: Login, transport: paramiko.Transport) -> None:
    keys = _own_keys(login)
    for number, key in enumerate(keys):
        try:
            further = transport.auth_publickey(login.user, key)
        except paramiko.AuthenticationException as error:
            if "EOF" in str(error):  # "transport shut down or saw EOF": nobody has refused anything
                raise Unreachable(name, text.connection_lost()) from error
            if number + 1 < len(keys):
                continue
            raise AuthRefused(text.auth_refused(name, login.user), text.authorize_the_key(login.user)) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Unreachable(name, _reason(error, login.connect_secs)) from error
        if not further:
            return
    raise AuthRefused(text.auth_refused(name, login.user), text.authorize_the_key(login.user))


def _own_keys(login: Login) -> list[paramiko.PKey]:
    found: list[paramiko.PKey] = []
    if login.key_path is not None:
        try:
            passphrase = login.passphrase_file.read_bytes().rstrip(b"\r\n") if login.passphrase_file else None
            found.append(paramiko.PKey.from_path(login.key_path, passphrase))  # type: ignore[arg-type] # it wants bytes
        except (OSError, ValueError, TypeError, paramiko.SSHException) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
            raise AuthRefused(text.key_unusable(str(login.key_path), reason), text.check_key_file()) from error
    if login.use_agent:
        agent = paramiko.Agent()
        found += agent.get_keys()
    if not found:
        raise AuthRefused(text.no_key_at_all(), text.check_key_file())
    return found
