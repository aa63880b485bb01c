"""The wrapper on this machine, as another user: no SSH, the same script.

As root the user is changed with setpriv, otherwise with sudo (which must not ask for a password); or systemd does it,
as a transient service outside the orchestrator's own, so that stopping that leaves runs alone. The environment is an
empty one but for PATH, LANG and the user's home: nothing of the orchestrator's reaches an agent.
"""

import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from bot.core import host_text as text
from bot.core.errors import Refused
from bot.execution import calls
from bot.execution.calls import QUIET_SECS, STDERR_TAIL, Finished, Way
from bot.execution.host_errors import Unreachable

_CHUNK: Final = 64 * 1024
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LocalHost(Way):
    """This machine, as ``user``. Raises Refused when that is who we are, unless ``allow_same_user``."""

    def __init__(
        self, name: str, work_dir: str, user: str, *, allow_same_user: bool = False, run_as: str = "sudo"
    ) -> None:
        """``run_as``: "sudo" or "systemd-run"."""
        self.name, self.work_dir = name, work_dir
        try:
            who = pwd.getpwnam(user)
        except KeyError:
            raise Refused(text.no_such_user(user), text.make_the_user(user), kind="no_such_user") from None
        if who.pw_uid == os.geteuid() and not allow_same_user:
            raise Refused(text.same_user(user), text.use_another_user(), kind="same_user")
        self._env = {
            "PATH": os.environ.get("PATH", _PATH),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "HOME": who.pw_dir,
            "USER": who.pw_name,
            "LOGNAME": who.pw_name,
            "SHELL": "/bin/sh",
        }
        self._prefix = _by_systemd(who, self._env) if run_as == "systemd-run" else _as_user(who)

    def stream(
        self,
        words: Sequence[str],
        stdin: Iterable[bytes] = (),
        sink: Callable[[bytes], None] = lambda _: None,
        *,
        quiet_secs: float = QUIET_SECS,
    ) -> Finished:
        argv = [*self._prefix, *calls.argv(self.work_dir, words)]
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as stderr:
            for chunk in stdin:
                given.write(chunk)
            given.seek(0)
            with subprocess.Popen(
                argv, stdin=given, stdout=subprocess.PIPE, stderr=stderr, env=self._env, cwd="/", start_new_session=True
            ) as process:
                try:
                    self._pass_on(process, sink, quiet_secs)
                    code = process.wait(quiet_secs)
                except BaseException as error:
                    os.killpg(process.pid, signal.SIGKILL)
                    if isinstance(error, subprocess.TimeoutExpired):
                        raise Unreachable(self.name, text.silent(quiet_secs), ambiguous=True) from error
                    raise
            size = stderr.seek(0, os.SEEK_END)
            stderr.seek(max(0, size - STDERR_TAIL))
            return Finished(code, stderr.read().decode("utf-8", "replace"))

    def _pass_on(self, process: subprocess.Popen[bytes], sink: Callable[[bytes], None], quiet_secs: float) -> None:
        if process.stdout is None:
            raise AssertionError("stdout was asked for as a pipe")
        pipe = process.stdout.fileno()
        while True:
            started = time.monotonic()
            ready, _, _ = select.select([pipe], [], [], quiet_secs)
            if not ready:
                raise subprocess.TimeoutExpired(process.args, time.monotonic() - started)
            chunk = os.read(pipe, _CHUNK)
            if not chunk:
                return
            sink(chunk)

    def close(self) -> None:
        """There is nothing to let go of."""


def _as_user(who: pwd.struct_passwd) -> list[str]:
    if who.pw_uid == os.geteuid():
        return []
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is not None:
            return [setpriv, f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--init-groups", "--"]
    sudo = shutil.which("sudo")
    if sudo is None:
        raise Refused(text.cannot_switch(who.pw_name), text.allow_sudo(who.pw_name), kind="cannot_switch")
    return [sudo, "-n", "-H", "-u", who.pw_name, "--"]


def _by_systemd(who: pwd.struct_passwd, env: Mapping[str, str]) -> list[str]:
    """A transient service; what it leaves running (our runs) is not killed when its first process ends."""
    if who.pw_uid == os.geteuid():
        return []
    systemd_run = shutil.which("systemd-run")
    if systemd_run is None:
        raise Refused(text.no_systemd_run(), text.use_sudo(), kind="cannot_switch")
    words = [systemd_run, "--quiet", "--pipe", "--wait", "--collect", f"--uid={who.pw_name}"]
    words += ["--property=KillMode=process", "--working-directory=/"]
    return [*words, *(f"--setenv={name}={value}" for name, value in env.items()), "--"]
