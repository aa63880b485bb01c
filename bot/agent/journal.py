"""What survives our own death: which runs were going on, which claim was being made, which workspaces are kept."""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.core import agent_text as text
from bot.core.errors import Refused


@dataclass(frozen=True)
class Entry:
    """One task seen here. ``open``: the server waits for us to say how it ended. ``run_id`` "": nothing was
    started for it. ``at``: seconds since the epoch.
    """

    task_id: str
    fence: int
    run_id: str
    open: bool
    at: float


class Journal:
    """Small files below the work directory, each replaced whole and on disk before its writer goes on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = folder / "runs"
        self._claim = folder / "claim"
        for path in (folder, self._runs):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One agent per work directory. Raises Refused when another one is at work here."""
        fd = os.open(self._folder / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused(text.work_dir_taken(), text.give_another_work_dir(), 409, "work_dir_taken") from None
            yield
        finally:
            os.close(fd)

    def write(self, entry: Entry) -> None:
        _replace(self._of(entry.task_id), json.dumps(asdict(entry)))

    def forget(self, task_id: str) -> None:
        self._of(task_id).unlink(missing_ok=True)

    def entries(self) -> list[Entry]:
        found = []
        for path in sorted(self._runs.glob("*.json")):
            with contextlib.suppress(FileNotFoundError):  # a run that ended while we looked
                found.append(Entry(**json.loads(path.read_text())))
        return found

    def claiming(self, claim_id: str) -> str:
        """The claim to make now: the one whose answer was never seen, if there is such a one, else ``claim_id``."""
        if self._claim.exists() and (before := self._claim.read_text()):
            return before
        _replace(self._claim, claim_id)
        return claim_id

    def claimed(self) -> None:
        """The answer was seen and what follows from it is written down."""
        self._claim.unlink(missing_ok=True)

    def _of(self, task_id: str) -> Path:
        # The server chooses the id: no part of a path is made of it.
        return self._runs / f"{hashlib.sha256(task_id.encode('utf-8', 'replace')).hexdigest()[:32]}.json"


def _replace(path: Path, content: str) -> None:
    new = path.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
