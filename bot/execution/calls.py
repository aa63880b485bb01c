"""What is said to the wrapper on a host and how its answers are read: one form for SSH and for local runs.

The wrapper is the shell text in ``wrapper/``, put together here and named by its digest. The only command ever run
on a host is ``BOOTSTRAP``: it verifies the installed wrapper and hands over to it, or installs it.
"""

import base64
import hashlib
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from bot.core import host_text as text
from bot.core.errors import Refused
from bot.execution.host_errors import HostBroken

PARTS: Final = ("base", "ending", "runs", "main", "workspace", "instructions", "collect", "host", "rest")
#: Exit code of ``BOOTSTRAP`` when the wrapper is not there, or not as it should be.
NOT_INSTALLED: Final = 97
#: Requests that a session of the wrapper may answer one after another.
SERVED: Final = ("ping", "start", "status")
#: Seconds without any sign after which an answer is given up.
QUIET_SECS: Final = 30.0
STDERR_TAIL: Final = 4000

# No single quotes, so that every login shell (fish and csh too) passes it on as it is.
BOOTSTRAP: Final = (
    "umask 077; f=$1/.fleet; w=$f/wrapper-$2.sh; "
    'if [ "$3" = install ]; then n=$f/.new-$2-$$; mkdir -p "$f" && cat >"$n" && '
    '[ "$(sha256sum <"$n")" = "$2  -" ] && chmod 500 "$n" && mv -f "$n" "$w" && echo "agent-fleet 1" && exit 0; '
    'rm -f "$n"; echo "agent-fleet-error install" >&2; exit 1; fi; '
    '[ -f "$w" ] && [ "$(sha256sum <"$w")" = "$2  -" ] || exit 97; '
    '. "$w"'
)

_WORD: Final = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,64}")
_PLAIN: Final = re.compile(r"[ -~]*")  # what every shell's `read` takes in whole
GREETING: Final = b"agent-fleet 1\n"
MAX_NOISE: Final = 256 * 1024
_MAX_FIELDS: Final = 8 * 1024 * 1024
_KIND: Final = re.compile(r"^agent-fleet-error ([a-z_]+)$", re.MULTILINE)
_FULL: Final = re.compile(r"No space left on device|Disk quota exceeded")


@cache
def wrapper() -> bytes:
    """The whole script as it is sent."""
    folder = resources.files("bot.execution") / "wrapper"
    return b"".join((folder / f"{part}.sh").read_bytes() for part in PARTS)


@cache
def digest() -> str:
    return hashlib.sha256(wrapper()).hexdigest()


def word(value: str) -> str:
    """``value`` if it may stand in a command on a host, else Refused."""
    if not _WORD.fullmatch(value):
        raise Refused(text.not_an_identifier(value), status=422, kind="bad_identifier")
    return value


def argv(work_dir: str, words: Sequence[str]) -> list[str]:
    """The one command form. ``words``: a verb and identifiers; ``work_dir`` comes from the configuration."""
    if "\0" in work_dir:
        raise Refused(text.nul_in_request("work_dir"), status=422, kind="nul")
    return ["/bin/sh", "-c", BOOTSTRAP, "fleet", work_dir, digest(), *map(word, words)]


def lines(pairs: Iterable[tuple[str, str]]) -> bytes:
    """``name :plain`` or ``name base64`` lines and the empty one that ends them.

    Decoding costs the host two processes, so what is plain goes as it is. Raises Refused for what holds a NUL.
    """
    found: list[bytes] = []
    for name, value in pairs:
        if "\0" in value:
            raise Refused(text.nul_in_request(name), status=422, kind="nul")
        if _PLAIN.fullmatch(value):
            said = b":" + value.encode("ascii")
        else:
            said = base64.b64encode(value.encode("utf-8", "surrogateescape"))
        found.append(word(name).encode() + b" " + said + b"\n")
    return b"".join((*found, b"\n"))


@dataclass(frozen=True)
class Finished:
    """How a call ended: exit code and the last few KB of what was said on stderr."""

    exit_code: int
    stderr: str


@dataclass(frozen=True)
class Answer:
    """A call's exit code, its whole output (bounded) and the end of its stderr."""

    exit_code: int
    out: bytes
    stderr: str


class Way(ABC):
    """A way to run the wrapper: over SSH or on this machine. Threads may share it."""

    name: str
    work_dir: str

    @abstractmethod
    def stream(
        self,
        words: Sequence[str],
        stdin: Iterable[bytes] = (),
        sink: Callable[[bytes], None] = lambda _: None,
        *,
        quiet_secs: float = QUIET_SECS,
    ) -> Finished:
        """Run ``words`` (a verb and identifiers), feeding ``stdin`` and passing output to ``sink`` as it comes.

        Memory stays at a few chunks. If ``sink`` raises, the call is given up and the exception goes on. Raises
        Unreachable when nothing is heard for ``quiet_secs`` (``ambiguous`` once the command was sent), AuthRefused,
        HostKeyProblem, Refused for words that are no identifiers.
        """

    def ask(self, words: Sequence[str], stdin: bytes, sink: Callable[[bytes], None], *, quiet_secs: float) -> Finished:
        """Like ``stream``, for a request of ``SERVED`` verbs, whose answer has no body; may be sent twice."""
        return self.stream(words, [stdin], sink, quiet_secs=quiet_secs)

    @abstractmethod
    def close(self) -> None:
        """Let go of connections; runs on the host go on."""

    def run(
        self,
        words: Sequence[str],
        stdin: Iterable[bytes] = (),
        *,
        max_bytes: int = 16 * 1024 * 1024,
        quiet_secs: float = QUIET_SECS,
    ) -> Answer:
        """Like ``stream``, with the output in memory; more than ``max_bytes`` of it is HostBroken."""
        kept = bytearray()

        def keep(chunk: bytes) -> None:
            if len(kept) + len(chunk) > max_bytes:
                raise HostBroken(text.too_much(self.name, max_bytes), "", "answer")
            kept.extend(chunk)

        finished = self.stream(words, stdin, keep, quiet_secs=quiet_secs)
        return Answer(finished.exit_code, bytes(kept), finished.stderr)


class Reply:
    """An answer, taken apart as it comes: noise of a login shell, ``name value`` lines, raw bytes (to ``body``)."""

    def __init__(self, host: str, body: Callable[[bytes], None] | None = None) -> None:
        self._host, self._body = host, body
        self._buffer = bytearray()
        self._greeted = self._in_body = False
        self.fields: list[tuple[str, str]] = []

    def feed(self, chunk: bytes) -> None:
        if self._in_body:
            self._pass_on(chunk)
            return
        self._buffer += chunk
        if not self._greeted and not self._skip_noise():
            return
        end = self._buffer.find(b"\n\n") if not self._buffer.startswith(b"\n") else -1
        empty = self._buffer.startswith(b"\n")
        if end >= 0 or empty:
            rest = bytes(self._buffer[1 if empty else end + 2 :])
            self._read_fields(b"" if empty else bytes(self._buffer[:end]))
            self._in_body = True
            self._buffer.clear()
            if rest:
                self._pass_on(rest)
        elif len(self._buffer) > _MAX_FIELDS:
            raise HostBroken(text.too_much(self._host, _MAX_FIELDS), "", "answer")

    def _skip_noise(self) -> bool:
        start = self._buffer.find(GREETING)
        if start < 0:
            if len(self._buffer) > MAX_NOISE:
                raise HostBroken(text.not_our_answer(self._host, 0, ""), text.look_at_login_shell(), "answer")
            return False
        del self._buffer[: start + len(GREETING)]
        self._greeted = True
        return True

    def _pass_on(self, chunk: bytes) -> None:
        if self._body is not None:
            self._body(chunk)

    def _read_fields(self, block: bytes) -> None:
        for line in block.decode("utf-8", "replace").split("\n"):
            name, _, value = line.partition(" ")
            self.fields.append((name, value))

    def finish(self, finished: Finished) -> None:
        """At the end of the answer. Raises HostBroken unless it was a good one."""
        kind = _KIND.findall(finished.stderr)
        if finished.exit_code or not self._greeted:
            said = " ".join(_KIND.sub("", finished.stderr).split())[-600:]
            if _FULL.search(finished.stderr):
                raise HostBroken.said(self._host, "no_space", said)
            if kind:
                raise HostBroken.said(self._host, kind[-1], said)
            reason = text.not_our_answer(self._host, finished.exit_code, said)
            raise HostBroken(reason, text.look_at_login_shell(), "answer")
        if not self._in_body and self._buffer:
            self._read_fields(bytes(self._buffer).rstrip(b"\n"))
            self._buffer.clear()

    def value(self, name: str) -> str:
        """The first field of that name. Raises HostBroken when the host left it out."""
        found = self.values(name)
        if not found:
            raise HostBroken(text.not_our_answer(self._host, 0, f"no {name}"), text.look_at_login_shell(), "answer")
        return found[0]

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]


class Wrapper:
    """The wrapper behind a Way: puts it there when it is missing, and reads its answers."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self._installing = threading.Lock()

    def call(
        self,
        *words: str,
        request: bytes = b"",
        payload: Callable[[], Iterable[bytes]] = tuple,
        body: Callable[[bytes], None] | None = None,
        quiet_secs: float = QUIET_SECS,
    ) -> Reply:
        """One request. ``payload`` follows ``request`` on stdin and is asked for again after an installation.

        Raises HostBroken when the wrapper refuses, and what the Way raises.
        """
        for attempt in (1, 2):
            reply = Reply(self.way.name, body)
            if words[0] in SERVED:
                whole = b"".join(_chained(request, payload))
                finished = self.way.ask(words, whole, reply.feed, quiet_secs=quiet_secs)
            else:
                finished = self.way.stream(words, _chained(request, payload), reply.feed, quiet_secs=quiet_secs)
            if finished.exit_code != NOT_INSTALLED or attempt == 2:
                break
            self.install()
        reply.finish(finished)
        return reply

    def install(self) -> None:
        """Put the wrapper on the host; a damaged one is replaced."""
        with self._installing:
            reply = Reply(self.way.name)
            reply.finish(self.way.stream(["install"], [wrapper()], reply.feed))


def _chained(request: bytes, payload: Callable[[], Iterable[bytes]]) -> Iterable[bytes]:
    if request:
        yield request
    yield from payload()
