"""What an earlier life of this agent left behind: processes, claims, workspaces."""

import shutil
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

import structlog

from bot.agent.client import Claim, Client, Json
from bot.agent.journal import Entry, Journal
from bot.agent.patience import Patience
from bot.core import agent_text as text
from bot.core.errors import Refused, Unavailable
from bot.core.reasons import Reason
from bot.execution.process import end_run
from bot.execution.workspace import Workspace

log = structlog.get_logger(__name__)

#: A workspace nobody has come back to for so long is removed.
_KEPT_SECS: Final = 7 * 24 * 3600.0
#: Seconds of waiting for a server that is to be told of an end.
_TELL_SECS: Final = 20.0
#: Directories beside the workspaces into which sources are fetched.
SOURCE_PREFIX: Final = "source-"


def end_processes(journal: Journal) -> list[Entry]:
    """End what a killed agent's runs have left running; returns the runs it has not told the end of."""
    found = [entry for entry in journal.entries() if entry.open]
    for entry in found:
        left = end_run(entry.run_id, 0) if entry.run_id else ()
        log.warning("found an unfinished run", task=entry.task_id, run=entry.run_id, still_there=left)
    return found


def tell_crashed(journal: Journal, client: Client, patience: Patience, entries: list[Entry]) -> None:
    """Tell the server that these runs are gone, so that nobody waits for their leases to run out.

    As failures, because a task that kills every agent must not come back for ever.
    """
    for entry in entries:
        claim = Claim({"task_id": entry.task_id}, entry.fence)
        fail(client, patience, claim, Reason.CRASHED, text.crashed())
        journal.write(Entry(entry.task_id, entry.fence, entry.run_id, open=False, at=entry.at))


def give_back(client: Client, patience: Patience, claim: Claim) -> None:
    """One task back to the queue; when the server cannot be told, its lease runs out by itself."""
    fail(client, patience, claim, Reason.HANDED_BACK, text.handed_back())


def fail(
    client: Client, patience: Patience, claim: Claim, reason: Reason, message: str, at_most_secs: float = _TELL_SECS
) -> bool:
    """End an attempt without a run to tell of. False, and logged, when the server does not take it or is not there."""
    said: Json = {"outcome": "failed", "reason": reason.value, "message": message, "receipt": {}}
    try:
        patience.insist(lambda: client.complete(claim, said), at_most_secs)
    except Refused as refused:
        log.warning("end of a run not taken", task=claim.task_id, reason=reason.value, why=refused.reason)
    except Unavailable as away:
        log.error("end of a run not told; its lease runs out by itself", task=claim.task_id, why=away.what)
    else:
        log.info("end of a run told", task=claim.task_id, reason=reason.value)
        return True
    return False


def remove_sources(workspaces: Path) -> None:
    """Remove half-fetched sources; for a time when nobody fetches."""
    for folder in workspaces.glob(f"{SOURCE_PREFIX}*"):
        shutil.rmtree(folder)


def tidy(journal: Journal, workspaces: Path, live: Collection[str] = (), now: float | None = None) -> None:
    """Remove the workspaces of tasks that nobody has come back to. ``live`` are the ids of those being worked on;
    none may become one meanwhile.
    """
    now = time.time() if now is None else now
    for entry in journal.entries():
        if entry.task_id not in live and not entry.open and now - entry.at > _KEPT_SECS:
            remove_workspace(journal, workspaces, entry.task_id, entry.fence)


def remove_workspace(journal: Journal, workspaces: Path, task_id: str, fence: int) -> None:
    """Remove one; a failure to do so costs disk, not work, and is only logged."""
    try:
        Workspace(workspaces, task_id, fence).remove()
    except (Refused, OSError) as error:
        log.warning("workspace not removed", task=task_id, why=str(error))
        return
    journal.forget(task_id)
