"""Machines of a network of their own: Linux network namespaces on one bridge. Needs root and the right to make them."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """``here`` is this machine's address on the bridge; ``names`` and ``addresses`` are those of the others."""

    here: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]

    def on(self, machine: int, command: Sequence[str]) -> list[str]:
        """The command that runs ``command`` there."""
        return ["ip", "netns", "exec", self.names[machine], *command]

    def cut(self, machine: int) -> None:
        """Pulls its cable: packets are lost, nobody is told."""
        _ip("link", "set", f"{self.names[machine]}v", "down")

    def plug_in(self, machine: int) -> None:
        _ip("link", "set", f"{self.names[machine]}v", "up")


@contextlib.contextmanager
def network(machines: int) -> Iterator[Network | None]:
    """So many machines until the block ends; None where namespaces are not to be had."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        yield None
        return
    short, part = f"af{os.getpid() % 1_000_000}", os.getpid() % 200 + 20
    bridge, here = f"{short}b", f"10.213.{part}.1"
    names = tuple(f"{short}n{n}" for n in range(machines))
    addresses = tuple(f"10.213.{part}.{n + 11}" for n in range(machines))
    with contextlib.ExitStack() as stack:
        try:
            _ip("link", "add", bridge, "type", "bridge")
            stack.callback(_ip, "link", "del", bridge)
            _ip("addr", "add", f"{here}/24", "dev", bridge)
            _ip("link", "set", bridge, "up")
            for name, address in zip(names, addresses, strict=True):
                _ip("netns", "add", name)
                stack.callback(_ip, "netns", "del", name)
                _ip("link", "add", f"{name}v", "type", "veth", "peer", "name", "eth0", "netns", name)
                _ip("link", "set", f"{name}v", "master", bridge, "up")
                _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
                _ip("-n", name, "link", "set", "eth0", "up")
                _ip("-n", name, "link", "set", "lo", "up")
        except subprocess.CalledProcessError:
            found = None
        else:
            found = Network(here, names, addresses)
        yield found


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)
