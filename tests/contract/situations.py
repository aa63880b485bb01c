"""What lay between the recorded calls: the people, and deeds that nobody recorded by themselves."""

import base64
from collections.abc import Callable
from typing import Final

from tests.contract.drive import Drive
from tests.contract.target import Target

LAB: Final = "/repos/ann/lab"


def people_and_repositories(target: Target) -> None:
    """`ann` owns, `bob` writes, `carl` reads, `fleet-bot` administers, `chief` is the site's."""
    for login in ("ann", "bob", "carl", "dora", "fleet-bot"):
        target.person(login)
    target.person("chief", is_admin=True)
    for name in ("demo", "lab", "quiet", "hooked", "variants"):
        target.repository(f"ann/{name}")
        target.grant(f"ann/{name}", "bob", "write")
        target.grant(f"ann/{name}", "fleet-bot", "admin")
    target.repository("ann/secret", private=True)
    target.organization("acme", "ann")


def _write(drive: Drive, by: str, branch: str, path: str, text: str, *, new: bool) -> None:
    content = base64.b64encode(text.encode()).decode()
    where = {"new_branch": branch, "branch": "main"} if new else {"branch": branch}
    drive.call(by, "POST", f"{LAB}/contents/{path}", {"content": content, "message": f"Add {path}", **where})


def two_issues(drive: Drive) -> None:
    """The lab's first issues, and the comments that are on the first one."""
    drive.call("ann", "POST", f"{LAB}/issues", {"title": "First of the lab", "body": "x"})
    for _ in range(3):
        drive.call("ann", "POST", f"{LAB}/issues/1/comments", {"body": "hello ünïcode & <tags>"})
    drive.call("bob", "POST", f"{LAB}/issues", {"title": "Without any label"})


def a_finished_issue_elsewhere(drive: Drive) -> None:
    """The other repository's first issue: labelled, with a file, closed."""
    demo = "/repos/ann/demo"
    label = drive.call("ann", "POST", f"{demo}/labels", {"name": "agent:codex", "color": "#1d76db"})
    drive.call("bob", "POST", f"{demo}/issues", {"title": "Add a greeting", "labels": [label["id"]]})
    drive.call("bob", "POST", f"{demo}/issues/1/assets?name=log.txt", file=b"log")
    drive.call("bob", "PATCH", f"{demo}/issues/1", {"state": "closed"})
    drive.call("fleet-bot", "POST", f"{LAB}/issues/1/labels", {"labels": ["agent:codex"]})


def lock(drive: Drive) -> None:
    """The conversation is locked while carl tries to comment."""
    drive.target.lock("ann/lab", 1, "ann", locked=True)


def unlock(drive: Drive) -> None:
    """And unlocked afterwards."""
    drive.target.lock("ann/lab", 1, "ann", locked=False)


def a_branch_without_difference(drive: Drive) -> None:
    """A branch at main."""
    drive.call("fleet-bot", "POST", f"{LAB}/branches", {"new_branch_name": "fleet/nodiff", "old_ref_name": "main"})


def a_third_review(drive: Drive) -> None:
    """The owner comments on the pull request."""
    drive.call("ann", "POST", f"{LAB}/pulls/4/reviews", {"event": "COMMENT", "body": "note"})


def a_pull_to_squash(drive: Drive) -> None:
    """Another pull request that can be merged."""
    _write(drive, "fleet-bot", "squash", "squash.txt", "x\n", new=True)
    drive.call("fleet-bot", "POST", f"{LAB}/pulls", {"title": "squash", "head": "squash", "base": "main"})


def a_conflict(drive: Drive) -> None:
    """A pull request whose file came into main with another content."""
    _write(drive, "fleet-bot", "right", "clash.txt", "right\n", new=True)
    _write(drive, "fleet-bot", "main", "clash.txt", "left\n", new=False)
    drive.call("fleet-bot", "POST", f"{LAB}/pulls", {"title": "right", "head": "right", "base": "main"})


def two_issues_that_block(drive: Drive) -> None:
    """Issues 7 and 8."""
    for title in ("blocked", "blocker"):
        drive.call("fleet-bot", "POST", f"{LAB}/issues", {"title": title})


def many_issues(drive: Drive) -> None:
    """Enough for five pages, labelled and assigned."""
    label = drive.call("ann", "POST", "/repos/ann/quiet/labels", {"name": "order", "color": "#aabbcc"})
    for number in range(21):
        body = {"title": f"order {number}", "labels": [label["id"]], "assignees": ["bob"]}
        drive.call("ann", "POST", "/repos/ann/quiet/issues", body)


#: What to do before the recorded call of that name.
BEFORE: Final[dict[str, Callable[[Drive], None]]] = {
    "019-repo-by-id": two_issues,
    "061-issue": a_finished_issue_elsewhere,
    "088-comment-create-403-locked": lock,
    "089-reactions-empty": unlock,
    "118-pull-create-same-branch": a_branch_without_difference,
    "163-review-own-pull": a_third_review,
    "178-merge-squash": a_pull_to_squash,
    "179-pull-with-conflict": a_conflict,
    "213-dependencies-empty": two_issues_that_block,
    "243-issues-list-page-2-with-link": many_issues,
}

#: Calls that asked for a media type.
ACCEPT: Final = {"055-issue-label-remove-accept-github": "application/vnd.github+json"}
