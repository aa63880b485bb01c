"""A signed receipt against the forge as it is today: its pull request and the commit status that names it."""

from collections.abc import Mapping
from typing import Any

from bot.core import receipt_check_text as text
from bot.core import receipt_text, receipts
from bot.core.receipt_facts import OWN_CONTEXTS
from bot.forge import Forge, Missing, RepoRef


def differences(forge: Forge, receipt: Mapping[str, Any]) -> list[str]:
    """What the forge says otherwise, in words; [] when it agrees. Raises Unavailable, Refused.

    A pull request that was open may be merged or closed since: that is no difference. Its head, author and base are.
    """
    task = receipt["task"]
    try:
        known = forge.repos.by_id(int(task["repo_id"]))
        repo = RepoRef(known.id, known.full_name)
    except Missing:
        return [text.no_repository(str(task.get("repo")))]
    process = receipt.get("process")
    if isinstance(process, Mapping) and process.get("outcome") == "no_change":
        return []  # it is about nothing that the forge has
    return [*_pull(forge, repo, receipt), *_status(forge, repo, receipt)]


def _pull(forge: Forge, repo: RepoRef, receipt: Mapping[str, Any]) -> list[str]:
    said = receipt.get("pull_request")
    if not isinstance(said, Mapping):
        return []
    number = int(said["number"])
    try:
        found = forge.pulls.get(repo, number)
    except Missing:
        return [receipt_text.no_pull(number)]
    now = {"head_sha": found.head_sha, "author": found.author.login, "base": found.base_branch}
    differing = [
        text.pull_now(number, name, said.get(name), value) for name, value in now.items() if said[name] != value
    ]
    if said.get("state") == "merged" and not found.merged:
        differing.append(text.pull_now(number, "state", "merged", "not merged"))
    return differing


def _status(forge: Forge, repo: RepoRef, receipt: Mapping[str, Any]) -> list[str]:
    commits = receipt.get("git")
    head = str(commits.get("head_sha")) if isinstance(commits, Mapping) else ""
    if not head:
        return []
    try:
        _, description = forge.repos.statuses(repo, head).get(OWN_CONTEXTS[1], ("", ""))
    except Missing:
        return [text.commit_gone(head)]
    wanted = receipts.digest(receipt)[:16]
    return [] if description.startswith(wanted) else [text.status_now(head, wanted, description)]
