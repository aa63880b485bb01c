"""Who works off queues, timers and sweeps: one worker at a time, however many run."""

import fcntl
import os
from pathlib import Path
from typing import Protocol


class Lead(Protocol):
    #: Whether more than one worker may run: the others wait for the lead. With SQLite a second one is a mistake.
    shared: bool

    def take(self) -> bool:
        """True when it is ours from now on. Raises Unavailable."""
        ...

    def holds(self) -> bool:
        """Whether it still is ours; asked about every second, or else it is taken for abandoned."""
        ...

    def give_up(self) -> None: ...


def held(path: Path) -> bool:
    """Whether a process holds the lock; taking it to find out would keep a worker from starting."""
    try:
        wanted = path.stat()
    except FileNotFoundError:
        return False
    place = f"{os.major(wanted.st_dev):02x}:{os.minor(wanted.st_dev):02x}:{wanted.st_ino}"
    locks = Path("/proc/locks").read_text("ascii").splitlines()
    return any(" FLOCK " in line and place in line.split() for line in locks)


class FileLead:
    """A lock on a side file; the kernel lets go of it when the process dies."""

    shared = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def take(self) -> bool:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def holds(self) -> bool:
        return self._fd >= 0

    def give_up(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
