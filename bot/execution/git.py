"""The one way git is run: argument lists, a clean environment, a time limit, typed errors.

Nothing of the surrounding environment or of anybody's git configuration reaches git, and what is set here
(through ``GIT_CONFIG_*``, which outranks a repository's own config file) keeps hooks, fsmonitor, helpers and
unwanted transports off. A token travels in the environment only: never in argv, never in an error.
"""

import base64
import os
import re
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from bot.core import result_text as text
from bot.core.errors import Refused, Unavailable

#: Seconds a local git command may take, and one that talks to the forge.
LOCAL_SECS: Final = 120.0
NETWORK_SECS: Final = 600.0

_CHUNK: Final = 64 * 1024
_STDERR_TAIL: Final = 2000
_KEPT_FROM_OUTSIDE: Final = (
    "PATH",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
)
_SHA: Final = re.compile(r"[0-9a-f]{40}")
_USERINFO: Final = re.compile(r"(?<=://)[^/\s@]+@")
# What git, curl and the remote helpers say (LC_ALL=C) when the other side or the way to it is at fault.
_NETWORK_TROUBLE: Final = re.compile(
    r"could not resolve|couldn't resolve|failed to connect|could not connect|connection (?:refused|reset)"
    r"|timed out|network is unreachable|no route to host|unexpected disconnect|hung up unexpectedly|early eof"
    r"|rpc failed|empty reply|recv failure|send failure|transfer closed|operation too slow"
    r"|requested url returned error: (?:5\d\d|429|408)|http (?:5\d\d|429)",
    re.IGNORECASE,
)
_CONFIG: Final = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.sshCommand": "false",
    "core.autocrlf": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "commit.gpgSign": "false",
    "credential.helper": "",
    "diff.algorithm": "myers",
    "diff.renames": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    # A redirect could carry the token, or the request itself, to somebody else.
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "init.defaultBranch": "main",
    "protocol.allow": "never",
    "protocol.ext.allow": "never",
    "protocol.http.allow": "always",
    "protocol.https.allow": "always",
    "submodule.recurse": "false",
}


class GitFailed(Exception):
    """Git said no. ``stderr_tail`` is the end of what it wrote, secrets taken out; ``code`` its exit code."""

    def __init__(self, command: str, code: int, stderr_tail: str) -> None:
        super().__init__(text.git_failed(command, code, stderr_tail))
        self.command, self.code, self.stderr_tail = command, code, stderr_tail


class GitTimedOut(Exception):
    """A git command did not end within ``secs`` and was killed with everything it had started."""

    def __init__(self, command: str, secs: float) -> None:
        super().__init__(text.git_timed_out(command, secs))
        self.command, self.secs = command, secs


@dataclass(frozen=True)
class Access:
    """The token for every address that begins with ``url`` (and for no other); ``ca_file`` for a private
    CA.
    """

    url: str
    token: str = field(repr=False)
    ca_file: str = ""

    def config(self) -> dict[str, str]:
        found = {f"http.{self.url}.extraHeader": f"Authorization: token {self.token}"}
        if self.ca_file:
            found[f"http.{self.url}.sslCAInfo"] = self.ca_file
        return found


@dataclass(frozen=True)
class Setting:
    """Where and how one git command runs. ``files`` allows remotes that are paths of this machine (bundles
    too).

    ``stdin`` is bytes or an open file read from its present position. ``network`` marks a command that talks
    to the forge: its failures for want of the forge become Unavailable, ``ambiguous`` if it may have taken
    effect.
    """

    git_dir: Path | None = None
    work_tree: Path | None = None
    cwd: Path | None = None
    stdin: bytes | IO[bytes] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    access: Access | None = field(default=None)
    files: bool = False
    network: bool = False
    ambiguous: bool = False
    timeout_secs: float = LOCAL_SECS
    ok: Collection[int] = (0,)


@dataclass(frozen=True)
class Answer:
    """What git wrote and its exit code (one of the allowed ones)."""

    out: bytes
    stderr_tail: str
    code: int

    @property
    def text(self) -> str:
        """Its output as text without the last newline; what is not UTF-8 is shown as replacement
        characters.
        """
        return self.out.decode("utf-8", "replace").rstrip("\n")


def run(args: Sequence[str], setting: Setting | None = None) -> Answer:
    """Run ``git *args`` to its end and return what it wrote.

    Raises GitFailed (exit code not in ``setting.ok``), GitTimedOut, or Unavailable for a ``network`` command
    that failed because the forge did not answer.
    """
    with _Running(args, setting or Setting()) as git:
        out = b"".join(git.chunks())
        return git.finish(out)


def stream(args: Sequence[str], setting: Setting | None = None) -> Generator[bytes, None, None]:
    """Like run, but gives the output in chunks; closing the generator early kills git (a cap was reached)."""
    with _Running(args, setting or Setting()) as git:
        yield from git.chunks()
        git.finish(b"")


def records(args: Sequence[str], setting: Setting | None = None) -> Generator[bytes, None, None]:
    """The NUL-ended records of a ``-z`` command, one by one; memory stays at one chunk and one record."""
    rest = b""
    for chunk in stream(args, setting):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole
    if rest:
        yield rest


def is_network_trouble(stderr: str) -> bool:
    """Whether git's words mean that the forge, or the way to it, did not work (rather than: it said no)."""
    return _NETWORK_TROUBLE.search(stderr) is not None


def sha(value: str) -> str:
    """``value`` if it is a full SHA-1 object id, else Refused: nothing else is ever put where git wants an
    id.
    """
    if not _SHA.fullmatch(value):
        raise Refused(text.not_an_object_id(value), status=422, kind="bad_object_id")
    return value


def ref(name: str) -> str:
    """``name`` if git takes it as a full reference name (``refs/…``), else Refused."""
    if "\0" in name or run(["check-ref-format", name], Setting(ok=(0, 1))).code:
        raise Refused(text.not_a_ref(name), status=422, kind="bad_ref")
    return name


class _Running:
    """One git process: it never outlives the ``with`` block."""

    def __init__(self, args: Sequence[str], setting: Setting) -> None:
        self._setting = setting
        self._command = "git " + next((word for word in args if not word.startswith("-")), "")
        self._argv = ["git", *args]

    def __enter__(self) -> Self:
        setting = self._setting
        self._deadline = time.monotonic() + setting.timeout_secs
        self._stderr = tempfile.TemporaryFile()  # a pipe nobody reads would block git
        stdin: IO[bytes] | int = subprocess.DEVNULL
        spool: IO[bytes] | None = None
        try:
            if isinstance(setting.stdin, bytes):
                spool = stdin = tempfile.TemporaryFile()
                spool.write(setting.stdin)
                spool.seek(0)
            elif setting.stdin is not None:
                stdin = setting.stdin
            self._process = subprocess.Popen(
                self._argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                cwd=setting.cwd,
                env=_environment(setting),
                start_new_session=True,  # so that a time-out ends git's helpers too
            )
        except BaseException:
            self._stderr.close()
            raise
        finally:
            if spool is not None:
                spool.close()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if self._process.returncode is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._stderr.close()

    def chunks(self) -> Generator[bytes, None, None]:
        pipe = self._process.stdout
        if pipe is None:
            raise AssertionError("stdout was asked for as a pipe")
        while True:
            ready, _, _ = select.select([pipe], [], [], max(0.0, self._deadline - time.monotonic()))
            if not ready:
                raise self._timed_out()
            chunk = os.read(pipe.fileno(), _CHUNK)
            if not chunk:
                return
            yield chunk

    def finish(self, out: bytes) -> Answer:
        try:
            code = self._process.wait(max(0.1, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise self._timed_out() from None
        tail = self._stderr_tail()
        if code in self._setting.ok:
            return Answer(out, tail, code)
        if self._setting.network and is_network_trouble(tail):
            raise Unavailable(text.git_unreachable(self._command, tail), ambiguous=self._setting.ambiguous)
        raise GitFailed(self._command, code, tail)

    def _timed_out(self) -> Exception:
        secs = self._setting.timeout_secs
        if self._setting.network:
            return Unavailable(text.git_timed_out(self._command, secs), ambiguous=self._setting.ambiguous)
        return GitTimedOut(self._command, secs)

    def _stderr_tail(self) -> str:
        size = self._stderr.seek(0, os.SEEK_END)
        # Read more than is shown: a secret cut in half would not be recognised.
        self._stderr.seek(max(0, size - 4 * _STDERR_TAIL))
        tail = _redacted(self._stderr.read().decode("utf-8", "replace"), self._setting.access)
        return tail.strip()[-_STDERR_TAIL:]


def _environment(setting: Setting) -> dict[str, str]:
    config = {**_CONFIG, "protocol.file.allow": "always" if setting.files else "never"}
    if setting.access is not None:
        config |= setting.access.config()
    env = {name: os.environ[name] for name in _KEPT_FROM_OUTSIDE if name in os.environ}
    env |= {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "HOME": "/dev/null",
        "LC_ALL": "C",
        "TZ": "UTC",
        "GIT_CONFIG_COUNT": str(len(config)),
    }
    for number, (key, value) in enumerate(config.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    if setting.git_dir is not None:
        env["GIT_DIR"] = str(setting.git_dir)
    if setting.work_tree is not None:
        env["GIT_WORK_TREE"] = str(setting.work_tree)
    return env | dict(setting.env)


def _redacted(words: str, access: Access | None) -> str:
    if access is not None and access.token:
        encoded = base64.b64encode(access.token.encode()).decode()
        words = words.replace(access.token, "***").replace(encoded, "***")
    return _USERINFO.sub("***@", words)
