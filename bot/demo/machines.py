"""An SSH server of the demo's own, two hosts behind it, and what lives on them."""

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import bot
from bot.core import demo_text as text
from bot.core.errors import Refused
from bot.demo.processes import Processes, free_port

HOSTS: Final = {"vm-1": ("python",), "vm-2": ("math", "python")}
_SLOTS: Final = 2


@dataclass(frozen=True)
class Seen:
    """A process of a run; ``issue`` is the number of the issue it works on."""

    pid: int
    host: str
    issue: int


class Machines:
    """Everything of theirs lies in ``folder``, also the homes of those who log in."""

    def __init__(self, folder: Path) -> None:
        """Raises Refused when this machine has not what they are made of."""
        self._folder = folder
        self._sshd = _program("sshd", "openssh-server", "/usr/sbin")
        self._keygen = _program("ssh-keygen", "openssh-client")
        if not sys.platform.startswith("linux"):
            raise Refused(text.demo_needs_linux(), text.demo_run_elsewhere(), 422, "demo")
        self.port = free_port()

    def start(self, processes: Processes) -> None:
        (self._folder / "login").mkdir()
        for name in ("host_key", "key"):
            words = [self._keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(self._folder / name)]
            subprocess.run(words, check=True, capture_output=True)
        if os.geteuid() == 0:  # where sshd puts the part of it that has no rights
            Path("/run/sshd").mkdir(exist_ok=True)
        config = self._folder / "sshd_config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self._folder}/host_key\nPidFile none\n"
            f"AuthorizedKeysFile {self._folder}/key.pub\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "UsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\n"
            # The home is no real one, so that nobody's profile takes part; our code need not be installed there.
            f'SetEnv "HOME={self._folder}/login" "PYTHONPATH={Path(bot.__file__).parents[1]}"\n'
        )
        processes.start_other("sshd", [self._sshd, "-D", "-e", "-f", str(config)])
        processes.until(self._listens, "sshd")

    def settings(self, linger_secs: int) -> str:
        """Their part of the configuration; agents take ``linger_secs`` longer than they have to."""
        command = json.dumps([sys.executable, "-m", "bot.demo.fixer", str(linger_secs)])
        found = f"[adapters.fixer]\ncommand = {command}\n"
        host_key = " ".join((self._folder / "host_key.pub").read_text().split()[:2])
        for name, capabilities in HOSTS.items():
            found += (
                f'[[hosts]]\nhost_id = "{name}"\nhostname = "127.0.0.1"\nssh_port = {self.port}\n'
                f'ssh_user = "{getpass.getuser()}"\nssh_key_path = "{self._folder}/key"\nhost_key = "{host_key}"\n'
                f'work_dir = "{self._folder}/{name}"\nagents = [{{ agent_type = "fixer", env = ["PYTHONPATH"], '
                f"max_concurrency = {_SLOTS}, capabilities = {json.dumps(capabilities)} }}]\n"
            )
        return found

    def seen(self) -> Sequence[Seen]:
        """What lives there now."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (home := _home(entry)) is not None and home.is_relative_to(self._folder):
                host, *further = home.relative_to(self._folder).parts
                if host in HOSTS and further:  # <host>/<repository>-<issue>-…/home
                    found.append(Seen(int(entry.name), host, int(further[0].split("-")[1])))
        return sorted(found, key=lambda one: (one.host, one.issue, one.pid))

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _program(name: str, package: str, *further: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *further]))
    if found is None:
        raise Refused(text.demo_needs(name), text.demo_install(package), 422, "demo")
    return found


def _home(process: Path) -> Path | None:
    """The HOME of a process; None when it is not ours to know, or has ended."""
    try:
        variables = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return next((Path(os.fsdecode(one[5:])) for one in variables if one.startswith(b"HOME=")), None)
