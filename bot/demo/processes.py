"""Our own commands as processes: started, watched, ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import requests

from bot.core import demo_text as text
from bot.core.errors import Refused

_LIMIT_SECS: Final = 120
_LOOK_EVERY_SECS: Final = 0.2
_STOP_SECS: Final = 15
_SHOWN_CHARS: Final = 2000


class Processes:
    """`agent-fleet …` as often as wanted. What each says is in ``folder``; the end of the block ends them all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entry = [sys.executable, "-m", "bot"]
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_unused: object) -> None:
        for name in reversed(list(self._running)):
            self._running[name].send_signal(signal.SIGTERM)
        for name in reversed(list(self._running)):
            self._wait_for_end(self._running.pop(name))

    def start(self, name: str, *arguments: str) -> int:
        """One that goes on; returns its process id."""
        return self.start_other(name, [*self._entry, *arguments])

    def start_other(self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        """The same for a program that is not ours; ``env`` is added to our own environment."""
        with self._log(name).open("ab") as file:
            self._running[name] = subprocess.Popen(
                command, stdout=file, stderr=file, start_new_session=True, env={**os.environ, **(env or {})}
            )
        return self._running[name].pid

    def stop(self, name: str) -> None:
        """Ends one that was started."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGTERM)
        self._wait_for_end(process)

    def kill(self, name: str) -> int:
        """Ends one without a warning, as a power cut would; returns the process id it had."""
        process = self._running.pop(name)
        process.kill()
        process.wait()
        return process.pid

    def said(self, name: str) -> str:
        """All that it has printed, in all its lives."""
        return self._log(name).read_text(errors="replace")

    def run(self, name: str, *arguments: str) -> None:
        """One that ends by itself; raises Refused when it ends with anything but 0."""
        with self._log(name).open("wb") as file:
            done = subprocess.run([*self._entry, *arguments], stdout=file, stderr=file, check=False)
        if done.returncode:
            raise self._failed(name)

    def none_died(self) -> None:
        """Raises Refused when one has ended that should go on."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise self._failed(name)

    def until(self, ready: Callable[[], bool], name: str) -> None:
        """Waits for what another process will bring about; there is nothing to be told by but looking."""
        deadline = time.monotonic() + _LIMIT_SECS
        while not ready():
            self.none_died()
            if time.monotonic() > deadline:
                raise Refused(text.demo_part_silent(name), "", 500, "demo")
            time.sleep(_LOOK_EVERY_SECS)

    def _failed(self, name: str) -> Refused:
        return Refused(text.demo_part_failed(name, self.said(name)[-_SHOWN_CHARS:]), "", 500, "demo")

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _wait_for_end(self, process: "subprocess.Popen[bytes]") -> None:
        try:
            process.wait(_STOP_SECS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    """True when this address answers with 200."""
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
