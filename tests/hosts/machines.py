"""Machines to run on: real SSH servers on loopback, each with a work_dir of its own."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import pytest

SSHD: Final = shutil.which("sshd") or ("/usr/sbin/sshd" if Path("/usr/sbin/sshd").exists() else "")
PATIENCE_SECS: Final = 60.0
T = TypeVar("T")


def need(part: str, found: object, why: str) -> None:
    """A missing part is a failure in CI and a plain skip elsewhere."""
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{part} is needed in CI: {why}")
        pytest.skip(f"{part} is not here: {why}")


def until(look: Callable[[], T | None], what: str) -> T:
    """The first true answer of ``look``; the test fails when there is none for a minute."""
    deadline = time.monotonic() + PATIENCE_SECS
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited in vain: {what}")
        time.sleep(0.02)
    return found


def carriers(run_id: str) -> list[int]:
    """Processes that carry a run's marker."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if f"AGENT_FLEET_RUN={run_id}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def key_pair(path: Path, passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)
    return path


class Sshd:
    """One SSH server of our own; ``kill_all`` takes its sessions with it, as a crash of the host's sshd would.

    ``env`` is what a login there has besides a home of its own, ``<path>/home``.
    """

    def __init__(self, path: Path, authorized: Path, *settings: str, env: Mapping[str, str] | None = None) -> None:
        (path / "home").mkdir(parents=True)
        self.path, self.port = path, free_port()
        self.host_key = key_pair(path / "host_key")
        self._settings = [
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.host_key}", f"PidFile {path}/pid",
            f"AuthorizedKeysFile {authorized}.pub", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
            "UsePAM no", "StrictModes no", "PermitRootLogin prohibit-password", "MaxStartups 100",
            # Whatever profile the developer's own login shell has is no part of a test.
            "SetEnv " + " ".join(f'"{k}={v}"' for k, v in {"HOME": f"{path}/home", **(env or {})}.items()), *settings,
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        config = self.path / "config"
        config.write_text("\n".join(self._settings) + "\n")
        self.process = subprocess.Popen(
            [SSHD, "-D", "-f", str(config), "-E", str(self.path / "log")],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        until(self._listens, f"sshd on {self.port}: {(self.path / 'log')}")

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            pytest.fail(f"sshd ended: {(self.path / 'log').read_text()}")
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def sessions(self) -> list[int]:
        """The processes that serve connections: children of the listener, and theirs that are still sshd."""
        found, above = [], {self.process.pid}
        for pid, parent, name in sorted(_processes()):
            if parent in above and name.startswith("sshd"):
                above.add(pid)
                found.append(pid)
        return found

    def kill_all(self) -> None:
        """SIGKILL to the listener and every connection of it."""
        for pid in (*self.sessions(), self.process.pid):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        self.process.wait()

    def host_key_line(self) -> str:
        return " ".join(Path(f"{self.host_key}.pub").read_text().split()[:2])


def _processes() -> Sequence[tuple[int, int, str]]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            head, _, rest = (entry / "stat").read_text().rpartition(")")
            found.append((int(entry.name), int(rest.split()[1]), head.partition("(")[2]))
        except (OSError, ValueError):
            continue
    return found


USER: Final = getpass.getuser()
