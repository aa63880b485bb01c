"""One host as the dispatcher sees it: runs to start, watch and end, over SSH or on this machine."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final, Self

from bot.core import host_text as text
from bot.core.errors import Refused
from bot.execution import calls
from bot.execution.calls import QUIET_SECS, Way, Wrapper
from bot.execution.host_errors import HostBroken

_MAX_WORD: Final = 128 * 1024 - 1  # Linux: MAX_ARG_STRLEN, its NUL included
_CHUNK: Final = 64 * 1024


class Kind(StrEnum):
    """What a run is doing, as its host knows it."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"


@dataclass(frozen=True)
class RunState:
    """How a run stands.

    Ended: ``exit_code`` or ``signal`` is set; ``killed_by`` is ``timeout``, ``output``, the reason given to ``stop``,
    ``io``, ``request`` or ``no_env_file`` when it could not begin, None when it ended by itself; ``left`` are pids that
    even SIGKILL did not end. Lost: ``why`` is ``boot`` (the machine restarted) or ``gone`` (what watched it died; its
    processes may live on: ``stop`` ends them). ``silent_secs``: since the last sign of life.
    """

    kind: Kind
    exit_code: int | None = None
    signal: int | None = None
    killed_by: str | None = None
    left: tuple[int, ...] = ()
    why: str = ""
    silent_secs: int | None = None

    @classmethod
    def read(cls, said: str) -> Self:
        """From the wrapper's words. Raises ValueError for anything else."""
        kind, *rest = said.split()
        match Kind(kind), rest:
            case Kind.ENDED, [code, signal, killed_by, left]:
                return cls(
                    Kind.ENDED,
                    None if code == "-" else int(code),
                    None if signal == "-" else int(signal),
                    None if killed_by == "-" else killed_by,
                    _pids(left.replace(",", " ")),
                )
            case Kind.LOST, [why]:
                return cls(Kind.LOST, why=why)
            case (Kind.RUNNING | Kind.UNKNOWN) as plain, []:
                return cls(plain)
        raise ValueError(said)


@dataclass(frozen=True)
class Job:
    """One run: the command, its environment (all of it, besides HOME and TMPDIR) and its limits.

    ``inherit`` names variables taken from the host's login environment; ``env_files`` variables whose value is read
    from a file on the host; ``copies`` are files of the login user's home (relative paths, such as log-ins) that the
    run finds at the same place of its own, where there are any and it has no newer ones; ``files`` are written into
    the run's home (relative paths). The prompt reaches the command on standard input, through a pipe, and lies in
    ``Host.run_dir(run_id)/prompt``.
    """

    run_id: str
    workspace: str
    fence: int
    argv: Sequence[str]
    prompt: bytes = field(default=b"", repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    env_files: Mapping[str, str] = field(default_factory=dict)
    inherit: Sequence[str] = ("PATH", "LANG", "TZ")
    copies: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_secs: int = 3600
    grace_secs: int = 10
    max_log_bytes: int = 1_000_000_000

    def encoded(self) -> bytes:
        """As the wrapper reads it. Raises Refused for words no process can be given."""
        if not self.argv or not self.argv[0] or "=" in self.argv[0]:
            raise Refused(text.bad_command_word(self.argv[0] if self.argv else ""), status=422, kind="bad_command")
        if b"\0" in self.prompt:
            raise Refused(text.nul_in_request("the prompt"), status=422, kind="nul")
        pairs = [*self._limits(), *self._surroundings()]
        for name, value in (*pairs, *(("arg", one) for one in self.argv)):
            if len(value.encode("utf-8", "surrogateescape")) > _MAX_WORD and name != "file":
                raise Refused(text.word_too_long(name, _MAX_WORD), text.put_it_in_the_prompt(), 422, "word_too_long")
        return calls.lines((*pairs, *(("arg", one) for one in self.argv))) + self.prompt

    def _limits(self) -> Iterator[tuple[str, str]]:
        for name in ("timeout_secs", "grace_secs", "max_log_bytes"):
            yield name, str(int(getattr(self, name)))

    def _surroundings(self) -> Iterator[tuple[str, str]]:
        for name in self.inherit:
            yield "inherit", _variable(name)
        for name, value in self.env.items():
            yield "env", f"{_variable(name)}={value}"
        for name, path in self.env_files.items():
            yield "env_file", f"{_variable(name)}={path}"
        for path in self.copies:
            yield "copy", _below_home(path)
        for path, content in self.files.items():
            if "=" in path:
                raise Refused(text.not_relative(path), status=422, kind="bad_path")
            yield "file", f"{_below_home(path)}={content}"


@dataclass(frozen=True)
class Piece:
    """Bytes of a stream from an offset. ``size`` is the stream's length when ``state`` was looked at, or later.

    When the state is not running and ``end`` has reached ``size``, there is nothing more to come.
    """

    state: RunState
    size: int
    offset: int
    data: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.data)

    @property
    def is_last(self) -> bool:
        return self.state.kind is not Kind.RUNNING and self.end >= self.size


@dataclass(frozen=True)
class SeenRun:
    """A run found on the host: what to adopt or clear away. Sizes of its streams in bytes."""

    run_id: str
    workspace: str
    stdout_bytes: int
    stderr_bytes: int
    state: RunState


class Host:
    """Runs on one host. Every call may be made again after Unreachable; threads may share it."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.wrapper = Wrapper(way)

    @property
    def name(self) -> str:
        return self.way.name

    def run_dir(self, run_id: str) -> str:
        """Where a run's files are on the host; its ``files`` folder is for what the command wants to leave us."""
        return f"{self.way.work_dir}/.fleet/runs/{calls.word(run_id)}"

    def start(self, job: Job) -> bool:
        """Start a run; True when it was started now, False when there was one of that id already.

        After an ambiguous Unreachable ask again: a run id never starts twice. The workspace must have been prepared
        with the job's fence. Raises HostBroken (``stale_fence``, ``no_space``, ``unknown_workspace``, …).
        """
        inner = job.encoded()
        outer = calls.lines((("size", str(len(inner))), ("workspace", job.workspace), ("fence", str(job.fence))))
        reply = self.wrapper.call("start", job.run_id, request=outer, payload=lambda: _chunks(inner))
        return reply.value("started") == "yes"

    def status(self, run_id: str) -> RunState:
        reply = self.wrapper.call("status", run_id)
        silent = reply.values("silent")
        state = self._state(reply.value("state"))
        return RunState(
            state.kind, state.exit_code, state.signal, state.killed_by, state.left, state.why,
            int(silent[0]) if silent else None,
        )  # fmt: skip

    def tail(
        self,
        run_id: str,
        stream: str,
        offset: int,
        max_bytes: int = 256 * 1024,
        *,
        into: Callable[[bytes], None] | None = None,
    ) -> Piece:
        """Up to ``max_bytes`` of ``stdout``, ``stderr`` or ``file.NAME`` from ``offset`` on.

        ``into`` gets them as they come, and the piece is then without: nothing is kept in memory. Raises HostBroken
        (``unknown_run``, ``no_file``), and Unreachable, whatever ``into`` has got by then.
        """
        data = bytearray()
        reply = self.wrapper.call("tail", run_id, stream, str(offset), str(max_bytes), body=into or data.extend)
        return Piece(self._state(reply.value("state")), int(reply.value("size")), offset, bytes(data))

    def stop(self, run_id: str, reason: str, grace_secs: int = 10) -> RunState:
        """End everything of a run: SIGTERM, the grace, SIGKILL; returns when it is gone; ``left`` is what is not.

        ``reason`` is an identifier and becomes ``killed_by``. Asked again, or for a run that has ended: cleared up too.
        """
        words = ("stop", run_id, reason, str(grace_secs))
        reply = self.wrapper.call(*words, quiet_secs=QUIET_SECS + 2 * grace_secs + 15)
        state = self._state(reply.value("state"))
        left = _pids(reply.value("left"))
        return RunState(state.kind, state.exit_code, state.signal, state.killed_by, left, state.why)

    def runs(self) -> list[SeenRun]:
        """Every run on the host with its state and the size of its streams: one request, however many there are."""
        reply = self.wrapper.call("list")
        sizes: dict[str, int] = {}
        for line in reply.values("size"):
            path, _, size = line.rpartition(" ")
            sizes["/".join(path.split("/")[-2:])] = int(size)
        found = []
        for line in reply.values("run"):
            run_id, workspace, said = line.split(" ", 2)
            out, err = (sizes.get(f"{run_id}/{stream}", 0) for stream in ("stdout", "stderr"))
            found.append(SeenRun(run_id, workspace, out, err, self._state(said)))
        return found

    def remove(self, run_id: str) -> bool:
        """Forget a run that is over; False when there was none. Raises HostBroken (``busy``) while it runs."""
        return self.wrapper.call("remove", run_id).value("removed") == "yes"

    def values(self, variables: Sequence[str], files: Sequence[str]) -> tuple[str, ...]:
        """What ``variables`` of the login environment and ``files`` of the host hold: what a log must not show."""
        pairs = (("names", "\n".join(map(_variable, variables))), ("paths", "\n".join(files)))
        reply = self.wrapper.call("values", request=calls.lines(pairs))
        return tuple(base64.b64decode(value).decode("utf-8", "replace") for value in reply.values("value"))

    def ping(self) -> str:
        """The boot id of the machine."""
        return self.wrapper.call("ping").value("pong")

    def close(self) -> None:
        self.way.close()

    def _state(self, said: str) -> RunState:
        try:
            return RunState.read(said)
        except ValueError as error:
            raise HostBroken(text.not_our_answer(self.name, 0, said[:200]), "", "answer") from error


def _pids(said: str) -> tuple[int, ...]:
    return () if said.strip() in ("", "-") else tuple(sorted({int(one) for one in said.split()}))


def _below_home(path: str) -> str:
    if path in ("", ".") or path.startswith("/") or ".." in path.split("/") or str(PurePosixPath(path)) != path:
        raise Refused(text.not_relative(path), status=422, kind="bad_path")
    return path


def _variable(name: str) -> str:
    if not name.isascii() or not name.isidentifier() or name.upper() == "AGENT_FLEET_RUN":
        raise Refused(text.bad_command_word(name), status=422, kind="bad_variable")
    return name


def _chunks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _CHUNK):
        yield data[start : start + _CHUNK]
