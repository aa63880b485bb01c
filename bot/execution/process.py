"""Runs one agent command and makes sure that nothing of it is left when it is over.

The command gets a session of its own and a marker in its environment; children inherit both. What left the
process group or the session is still found by the marker through /proc/*/environ. A child that starts anew
with an emptied environment *and* a session of its own is not found: only another user or a container holds
such a one.

If this process dies first, the kernel kills the command itself (``setpriv --pdeathsig``, where util-linux is
there); ``end_run`` of the next life ends what it had started.
"""

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.core import result_text as text
from bot.core.errors import Refused

#: The name of the marker in the environment of everything a run starts.
MARKER: Final = "AGENT_FLEET_RUN"

_CHUNK: Final = 64 * 1024
_MAX_WORD: Final = 128 * 1024 - 1  # Linux: MAX_ARG_STRLEN, its NUL included
_INHERITED: Final = ("PATH", "LANG", "LANGUAGE", "TZ")
_FIXED: Final = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "CI": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "PAGER": "cat",
}
_GONE_SECS: Final = 10.0
_LOOK_AGAIN_SECS: Final = 0.05
_PIPE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Command:
    """What to run. ``env`` is the whole environment (see ``environment``); ``run_id`` becomes the marker."""

    argv: Sequence[str]
    cwd: Path
    run_id: str
    env: Mapping[str, str] = field(repr=False)
    prompt: bytes = field(default=b"", repr=False)
    timeout_secs: float = 3600.0
    stall_secs: float = 900.0
    grace_secs: float = 10.0


@dataclass(frozen=True)
class Ended:
    """How a run ended. Either ``exit_code`` or ``signal`` is set.

    ``killed_by`` is "timeout", "stall", the reason given to ``stop``, or None if it ended by itself. Times
    are seconds since the epoch. ``left`` are process ids that even SIGKILL did not end (waiting for a dead
    disk).
    """

    exit_code: int | None
    signal: int | None
    killed_by: str | None
    started_at: float
    ended_at: float
    max_silence_secs: float
    output_bytes: int
    left: tuple[int, ...] = ()


OnOutput = Callable[[str, bytes], None]


def environment(home: Path, tmp: Path, named: Mapping[str, str], outside: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run: what every program needs from ``outside``, homes of its own, and
    ``named``.
    """
    kept = {name: value for name, value in outside.items() if name in _INHERITED or name.startswith("LC_")}
    return kept | _FIXED | {"HOME": str(home), "TMPDIR": str(tmp)} | dict(named)


class Run:
    """One run of a command. ``stop`` may be called from any thread, ``run`` once and from one."""

    def __init__(self, command: Command) -> None:
        """Raises Refused when no process can be given these words, or the program is not there."""
        self._command = command
        self._argv = _checked(command)
        self._killed_by: str | None = None
        self._wake: int | None = None
        self._wake_lock = threading.Lock()

    def stop(self, reason: str) -> None:
        """End the run as soon as possible; ``reason`` becomes ``killed_by``. Without effect once it is
        over.
        """
        with self._wake_lock:
            if self._killed_by is None:
                self._killed_by = reason
                if self._wake is not None:
                    os.write(self._wake, b"\0")

    def run(self, on_output: OnOutput) -> Ended:
        """Run to the end; ``on_output("stdout" | "stderr", chunk)`` gets output as it comes, up to 64 KiB a
        piece.

        A slow ``on_output`` slows the command down, nothing is stored here; if it raises, the run is ended
        and the exception goes on. When this returns, every process of the run that can be found is gone.
        """
        started_at = time.time()
        command = self._command
        wake, self._wake = os.pipe2(os.O_CLOEXEC)
        try:
            with subprocess.Popen(
                self._argv,
                cwd=command.cwd,
                env={**command.env, MARKER: command.run_id},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            ) as process:
                watch = _Watch(process, command, wake, on_output)
                killed_by, left = self._watched(process, watch)
                code = process.wait()
        finally:
            with self._wake_lock:
                os.close(wake)
                os.close(self._wake)
                self._wake = None
        return Ended(
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            killed_by=killed_by,
            started_at=started_at,
            ended_at=time.time(),
            max_silence_secs=watch.max_silence,
            output_bytes=watch.output_bytes,
            left=left,
        )

    def _watched(self, process: subprocess.Popen[bytes], watch: "_Watch") -> tuple[str | None, tuple[int, ...]]:
        idle: Callable[[float], None] = time.sleep
        grace = 0.0
        left: tuple[int, ...] = ()
        try:
            killed_by = watch.until_over(lambda: self._killed_by)
            # Somebody who is asked to end may have last words, and blocks if nobody hears them.
            idle, grace = watch.listen, self._command.grace_secs
        finally:
            left = end_run(self._command.run_id, grace, session=process.pid, idle=idle)
            watch.close()
        return killed_by, left


class _Watch:
    """Feeds the prompt, passes output on and keeps the time while a process lives."""

    def __init__(self, process: subprocess.Popen[bytes], command: Command, wake: int, on_output: OnOutput) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise AssertionError("all three were asked for as pipes")
        self._stdin = process.stdin
        self._command, self._on_output = command, on_output
        self._unsent = memoryview(command.prompt)
        self._began = self._heard = time.monotonic()
        self.max_silence = 0.0
        self.output_bytes = 0
        self._pidfd = os.pidfd_open(process.pid)
        self._events = (self._pidfd, wake)
        self._selector = selectors.DefaultSelector()
        for event in self._events:
            self._selector.register(event, selectors.EVENT_READ, "event")
        for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr)):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe.fileno(), selectors.EVENT_READ, name)
        os.set_blocking(self._stdin.fileno(), False)
        self._selector.register(self._stdin.fileno(), selectors.EVENT_WRITE, "stdin")

    def until_over(self, asked_to_stop: Callable[[], str | None]) -> str | None:
        """Returns when the process has ended (None) or must be ended (why)."""
        while True:
            now = time.monotonic()
            total, silent = now - self._began, now - self._heard
            if (reason := asked_to_stop()) is not None:
                return reason
            if total >= self._command.timeout_secs:
                return "timeout"
            if silent >= self._command.stall_secs:
                return "stall"
            wait = min(self._command.timeout_secs - total, self._command.stall_secs - silent)
            if self._pidfd in self._step(wait):
                return None

    def listen(self, secs: float) -> None:
        """Pass output on for a while, or until there was some."""
        for event in self._events:
            if event in self._selector.get_map():
                self._selector.unregister(event)
        self._step(secs)

    def close(self) -> None:
        """Pass on what still stands in the pipes and let go of everything."""
        try:
            left = 2 * _PIPE_BYTES  # one that escaped may write for ever
            before = -1
            while before != self.output_bytes and left > 0:
                before = self.output_bytes
                self.listen(0)
                left -= self.output_bytes - before
            self.max_silence = max(self.max_silence, time.monotonic() - self._heard)
        finally:
            self._selector.close()
            os.close(self._pidfd)

    def _step(self, secs: float) -> set[int]:
        """Wait at most ``secs`` for anything to happen and deal with it; returns what was ready."""
        ready = self._selector.select(secs)
        for key, _ in ready:
            if key.data == "stdin":
                self._feed(key.fd)
            elif key.data != "event":
                self._pass_on(key.data, key.fd)
        return {key.fd for key, _ in ready}

    def _pass_on(self, name: str, pipe: int) -> None:
        chunk = os.read(pipe, _CHUNK)
        if not chunk:
            self._selector.unregister(pipe)
            return
        now = time.monotonic()
        self.max_silence = max(self.max_silence, now - self._heard)
        self._heard = now
        self.output_bytes += len(chunk)
        self._on_output(name, chunk)

    def _feed(self, pipe: int) -> None:
        try:
            self._unsent = self._unsent[os.write(pipe, self._unsent[:_CHUNK]) :]
        except BrokenPipeError:
            self._unsent = self._unsent[:0]  # it does not want to read it all, which is its right
        if not self._unsent:
            self._selector.unregister(pipe)
            self._stdin.close()


def end_run(
    run_id: str, grace_secs: float, session: int | None = None, idle: Callable[[float], None] = time.sleep
) -> tuple[int, ...]:
    """End every process that carries the run's marker (or is in ``session``): SIGTERM, after the grace
    SIGKILL.

    ``idle`` passes the time between two looks (it gets seconds). Returns the process ids that are still
    there.
    """
    found: list[int] = []
    for number, secs in ((signal.SIGTERM, grace_secs), (signal.SIGKILL, _GONE_SECS)):
        told: set[int] = set()
        until = time.monotonic() + secs
        while True:
            found = list(_processes(run_id, session))
            if not found:
                return ()
            for pid in found:
                if pid not in told:
                    told.add(pid)
                    _send(pid, number, run_id, session)
            if time.monotonic() >= until:
                break
            idle(_LOOK_AGAIN_SECS)
    return tuple(found)


def _processes(run_id: str, session: int | None) -> Iterator[int]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and _belongs(int(entry.name), run_id, session):
            yield int(entry.name)


def _belongs(pid: int, run_id: str, session: int | None) -> bool:
    if pid == os.getpid():
        return False
    proc = Path("/proc") / str(pid)
    try:
        state, _, _, its_session = (proc / "stat").read_bytes().rpartition(b")")[2].split()[:4]
        if state in (b"Z", b"X"):  # over; only its parent has not looked yet
            return False
        if session is not None and int(its_session) == session:
            return True
        return f"{MARKER}={run_id}".encode() in (proc / "environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False  # gone meanwhile, or another user's


def _send(pid: int, number: signal.Signals, run_id: str, session: int | None) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        # Looked at again through the handle's eyes: the number may be somebody else's by now.
        if _belongs(pid, run_id, session):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


def _checked(command: Command) -> list[str]:
    if any("\0" in word for word in command.argv):
        raise Refused(text.nul_in(text.the_command_line()), status=422, kind="nul")
    for name, value in command.env.items():
        if "\0" in name + value or "=" in name:
            raise Refused(text.nul_in(text.the_variable(name)), status=422, kind="nul")
    if "\0" in command.run_id:
        raise Refused(text.nul_in(text.the_variable(MARKER)), status=422, kind="nul")
    for word in (*command.argv, *(f"{name}={value}" for name, value in command.env.items())):
        if (size := len(os.fsencode(word))) > _MAX_WORD:
            raise Refused(text.word_too_long(size, _MAX_WORD), status=422, kind="word_too_long")
    path = command.env.get("PATH", os.defpath)
    program = shutil.which(command.cwd / command.argv[0] if "/" in command.argv[0] else command.argv[0], path=path)
    if program is None:
        raise Refused(text.command_not_found(command.argv[0]), status=422, kind="command_not_found")
    argv = [str(program), *command.argv[1:]]
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *argv] if setpriv else argv
