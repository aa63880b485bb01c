"""Pull requests that agents with forge rights of their own have opened: a claim, checked against the forge.

No address in a receipt is ever fetched; the number is taken from it and the configured forge is asked.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from bot.core import text
from bot.core.errors import Refused
from bot.core.reasons import Reason
from bot.core.task import Task
from bot.forge import Missing
from bot.service.agents import holding
from bot.service.fleet import Fleet, ref
from bot.store import tasks

_PATH: Final = re.compile(r"/(?P<repo>[^/\s]+/[^/\s]+)/pulls/(?P<number>[0-9]{1,9})/?$")


@dataclass(frozen=True)
class ClaimedPull:
    number: int
    head_sha: str
    head_branch: str

    def as_result(self, task: Task) -> dict[str, Any]:
        """In the shape of a checked bundle; what only the forge knows stays 0 (no push follows: the head is theirs)."""
        return {
            "base_sha": task.base_sha,
            "head_sha": "",
            "commits": [],
            "files_changed": 0,
            "insertions": 0,
            "deletions": 0,
            "patch_sha256": "",
        }


def look(
    fleet: Fleet, agent_id: str, task_id: str, fence: int | None, receipt: dict[str, Any] | None
) -> ClaimedPull | None:
    """The pull request that a receipt names, when there is one and the claim holds; None when it names none.

    Raises Refused (422 ``rejected_receipt``) when it is not there, in another repository or not about the issue.
    """
    urls = [x.get("url") for x in (receipt or {}).get("artifacts") or () if _is_pull(x)]
    if not urls:
        return None
    task = fleet.read(lambda sql: tasks.get(sql, task_id))
    fleet.read(lambda sql: holding(sql, agent_id, task_id, fence))
    repo = fleet.repo(task.repo_id)
    match = _PATH.search(str(urls[-1]))
    if match is None or match["repo"].lower() != repo.full_name.lower():
        raise _rejected(text.pull_elsewhere(repo.full_name))
    try:
        pull = fleet.forge.pulls.get(ref(repo), int(match["number"]))
    except Missing as missing:
        raise _rejected(text.no_such_pull(int(match["number"]))) from missing
    about = re.search(rf"#{task.issue}\b", f"{pull.title}\n{pull.body}")
    if not (about or pull.head_branch in (f"task/{task.id}", task.branch)):
        raise _rejected(text.pull_not_about(pull.number, task.issue))
    if not (pull.is_open or pull.merged):
        raise _rejected(text.pull_closed(pull.number))
    return ClaimedPull(pull.number, pull.head_sha, pull.head_branch)


def _is_pull(artifact: object) -> bool:
    return isinstance(artifact, dict) and artifact.get("type") == "pr" and isinstance(artifact.get("url"), str)


def _rejected(observation: str) -> Refused:
    return Refused(f"r5: {observation}", text.mend_the_receipt(), 422, Reason.REJECTED_RECEIPT.value)
