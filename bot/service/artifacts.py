"""Files that agents hand in beside their commits: kept under their digest, never fetched from anywhere."""

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from bot.core import receipt_text as text
from bot.core.errors import Refused
from bot.core.reasons import Reason
from bot.service.agents import holding
from bot.service.fleet import Fleet, Step
from bot.store import artifacts
from bot.store.artifacts import Artifact

_CHUNK: Final = 256 * 1024


@dataclass(frozen=True)
class Upload:
    """``claimed_sha256`` "" = the agent names none."""

    name: str
    claimed_sha256: str = ""


def folder(data_dir: Path) -> Path:
    return data_dir / "artifacts"


def place(data_dir: Path, sha256: str) -> Path:
    return folder(data_dir) / sha256[:2] / sha256


def may_upload(fleet: Fleet, agent_id: str, task_id: str, fence: int | None) -> int:
    """The fence under which the agent works on the task now. Raises Refused (403, 404, 409)."""
    return fleet.read(lambda sql: holding(sql, agent_id, task_id, fence))


def keep(fleet: Fleet, agent_id: str, task_id: str, fence: int, upload: Upload, written: Path) -> Artifact:
    """Takes over the file ``written``, digest recomputed; the same again is the same.

    Raises Refused: 409 when the attempt is over, has another file of that name or as many as it may; 422 when the
    digest that the agent named is another.
    """
    with written.open("rb") as file:
        sha256, size = _measured(file)
    if upload.claimed_sha256 and upload.claimed_sha256 != sha256:
        observation = text.digest_differs(upload.claimed_sha256, sha256)
        raise Refused(observation, text.send_again(), 422, Reason.REJECTED_RECEIPT.value)
    _store(written, place(fleet.data_dir, sha256))
    limit = fleet.settings.orchestrator.max_artifacts

    def command(step: Step) -> Artifact:
        holding(step.sql, agent_id, task_id, fence)
        known = artifacts.of_attempt(step.sql, task_id, fence)
        same = next((a for a in known if a.name == upload.name), None)
        if same is not None and same.sha256 == sha256:
            return same
        if same is not None:
            raise Refused(text.artifact_known(upload.name), text.artifact_other_name(), 409, "artifact_known")
        if len(known) >= limit:
            raise Refused(text.artifacts_full(limit), text.pack_artifacts(), 409, "too_many_artifacts")
        made = Artifact(task_id, fence, upload.name, sha256, size, step.now)
        artifacts.put(step.sql, made)
        return made

    return fleet.step(command)


def drop_unwanted(fleet: Fleet, before: float) -> int:
    """Deletes files that no attempt names any more and that came before ``before``; returns how many."""
    dropped = 0
    for path in folder(fleet.data_dir).glob("??/*"):
        name = path.name
        if path.lstat().st_mtime < before and not fleet.read(lambda sql, n=name: artifacts.wanted(sql, n)):  # type: ignore[misc]
            path.unlink()
            dropped += 1
    return dropped


def _measured(file: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while piece := file.read(_CHUNK):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def _store(written: Path, target: Path) -> None:
    """On disk before the database names it; a file of that digest that is there already is touched, not replaced."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if target.exists():
        os.utime(target)
        return
    with written.open("rb") as file:
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):  # the same file came twice at once
        target.hardlink_to(written)
    fd = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
