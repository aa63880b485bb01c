"""Telling other processes of a commit at once: each that watches has a bell, a named pipe beside the SQLite file.

What is lost here (a process was killed before it rang, a pipe is full, the folder is on something that has no pipes)
is seen a moment later by whoever watches the file itself.
"""

import contextlib
import errno
import os
import secrets
import select
import stat
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Final, Self

from bot.store.wakeups import TOPICS

_AT_ONCE: Final = 4096


def folder_of(database: Path) -> Path:
    return database.with_name(database.name + ".bells")


class Bell:
    """One process's own bell: a byte for each topic that others rang for."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self.path = path
        self._rung = select.poll()
        self._rung.register(fd, select.POLLIN)

    @classmethod
    def hung_in(cls, folder: Path, topics: Collection[str] = TOPICS) -> Self:
        """To be rung for these topics, which its name says. Raises OSError where there can be none."""
        folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(4)}.{''.join(str(TOPICS.index(topic)) for topic in topics)}"
        unheard = folder / f".{name}"
        os.mkfifo(unheard, 0o600)
        try:
            # for both ways: it never ends, and there is always somebody who hears
            fd = os.open(unheard, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            unheard.rename(folder / name)
        except OSError:
            unheard.unlink(missing_ok=True)
            raise
        return cls(fd, folder / name)

    def wait(self, secs: float) -> set[str]:
        """The topics that were rung for, now or within ``secs``; none after that, or when woken for nothing."""
        if not self._rung.poll(secs * 1000):
            return set()
        with contextlib.suppress(BlockingIOError):
            return {TOPICS[n] for n in os.read(self._fd, _AT_ONCE) if n < len(TOPICS)}
        return set()

    def wake(self) -> None:
        """Ends a ``wait`` of another thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._fd, b"\xff")

    def close(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._fd)


class Bells:
    """All bells at a database, to be rung. Rings never wait and never fail: a commit was made, whoever hears of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._open: dict[str, int] = {}
        #: The bell of this process: those who wait here are woken without it.
        self.ours = ""

    def ring(self, topics: Collection[str]) -> None:
        if not topics:
            return
        numbers = [TOPICS.index(topic) for topic in topics]
        with self._guard:
            for name in self._others():
                heard = name.rpartition(".")[2]
                said = bytes(number for number in numbers if str(number) in heard)
                try:
                    if said:
                        os.write(self._open[name], said)
                except BlockingIOError:
                    continue  # full: it has been told more than it has read
                except OSError:
                    self._forget(name)

    def close(self) -> None:
        with self._guard:
            for name in list(self._open):
                self._forget(name)

    def _others(self) -> list[str]:
        try:
            found = os.listdir(self._folder)  # noqa: PTH208 - after every commit: a path for each would cost more
        except OSError:
            return []  # nobody has ever watched
        names = [x for x in found if x != self.ours and not x.startswith(".")]
        for gone in self._open.keys() - set(names):
            self._forget(gone)
        return [x for x in names if x in self._open or self._opened(x)]

    def _opened(self, name: str) -> bool:
        path = self._folder / name
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as problem:
            if problem.errno == errno.ENXIO:  # nobody hears: its process was killed
                with contextlib.suppress(OSError):
                    path.unlink()
            return False
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.close(fd)
            return False
        self._open[name] = fd
        return True

    def _forget(self, name: str) -> None:
        os.close(self._open.pop(name))
