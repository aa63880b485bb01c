"""Webhook payloads. ``whose`` is the person whose right `repository.permissions` shows, None: nobody's."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.standin.answers import Json
from bot.standin.git import ZERO
from bot.standin.labels import Label
from bot.standin.people import Person, Right
from bot.standin.render import commits, issues, pulls
from bot.standin.render.people import user, when
from bot.standin.render.repositories import repository

if TYPE_CHECKING:
    from bot.standin.issues import Entry, Issue
    from bot.standin.pulls import Pull
    from bot.standin.repositories import Repository
    from bot.standin.statuses import Run

#: `[webhook] PAYLOAD_COMMIT_LIMIT`.
COMMIT_LIMIT = 15


def _repo(repo: "Repository", whose: Person | None) -> dict[str, Json]:
    return repository(repo, Right.READ if whose is None else repo.right_of(whose))


def issue(
    made: "Issue",
    action: str,
    by: Person,
    whose: Person | None,
    *,
    changes: Mapping[str, Json] | None = None,
    labels: Sequence[Label] | None = None,
    commit_id: str = "",
) -> dict[str, Json]:
    """`issues`, `issue_assign`, `issue_label`."""
    return {
        "action": action,
        "number": made.number,
        **({"changes": dict(changes)} if changes else {}),
        "issue": issues.issue(made, stale=labels),
        "repository": _repo(made.repo, whose),
        "sender": user(made.forge, by),
        "commit_id": commit_id,
    }


def comment(entry: "Entry", action: str, by: Person, *, changes: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """`issue_comment` and `pull_request_comment`; shows the sender's right."""
    on = entry.issue
    made = on.as_pull
    pull_part = {"pull_request": pulls.pull(made, on.repo.right_of(by))} if made else {}
    return {
        "action": action,
        "issue": issues.issue(on),
        **pull_part,
        "comment": issues.comment(entry),
        **({"changes": dict(changes)} if changes else {}),
        "repository": _repo(on.repo, by),
        "sender": user(entry.forge, by),
        "is_pull": on.is_pull,
    }


def pull(
    made: "Pull",
    action: str,
    by: Person,
    whose: Person | None,
    *,
    changes: Mapping[str, Json] | None = None,
    labels: Sequence[Label] | None = None,
    commit_id: str = "",
    reviewer: Person | None = None,
    review: Mapping[str, str] | None = None,
    checking: bool = False,
) -> dict[str, Json]:
    """`pull_request` and all its kin, reviews included."""
    shown = pulls.pull(made, made.repo.right_of(made.poster), stale=labels, checking=checking)
    return {
        "action": action,
        "number": made.number,
        **({"changes": dict(changes)} if changes else {}),
        "pull_request": shown,
        "requested_reviewer": user(made.forge, reviewer) if reviewer else None,
        "repository": _repo(made.repo, whose),
        "sender": user(made.forge, by),
        "commit_id": commit_id,
        "review": dict(review) if review else None,
    }


def action_run(repo: "Repository", run: "Run", by: Person, action: str) -> dict[str, Json]:
    """`action_run_success`, `action_run_failure`: without repository and sender beside the run (15.0, seen)."""
    pushed = {"ref": f"refs/heads/{run.branch}", "after": run.sha}
    at = when(run.at)
    return {
        "action": action,
        "run": {
            "id": run.id,
            "title": run.title,
            "repository": _repo(repo, repo.owner),
            "workflow_id": run.workflow,
            "index_in_repo": run.number,
            "trigger_user": user(repo.forge, by),
            "ScheduleID": 0,
            "prettyref": run.branch,
            "is_ref_deleted": False,
            "commit_sha": run.sha,
            "is_fork_pull_request": False,
            "need_approval": False,
            "approved_by": 0,
            "event": "push",
            "event_payload": json.dumps(pushed, separators=(",", ":")),
            "trigger_event": "push",
            "status": action,
            "started": at,
            "stopped": at,
            "created": at,
            "updated": at,
            "html_url": f"{repo.forge.url}/{repo.full_name}/actions/runs/{run.number}",
        },
        "prior_status": "running",
    }


def push(repo: "Repository", by: Person, ref: str, before: str, after: str) -> dict[str, Json]:
    """`push`: at most 15 commits, newest first; a tag and a deletion list none."""
    branch = ref.startswith("refs/heads/")
    found = []
    if branch and after != ZERO:
        is_default = ref == f"refs/heads/{repo.default_branch}"
        known = before if before != ZERO else "" if is_default else repo.git.branch_sha(repo.default_branch)
        found = repo.git.log(after, *([f"^{known}"] if known else []))
    head = repo.git.log(after, limit=1)[0] if after != ZERO else None
    start = repo.git.merge_base(repo.default_branch, after) if branch and before == ZERO else before
    compared = f"{repo.full_name}/compare/{start or before}...{after}" if head else ""
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "compare_url": f"{repo.forge.url}/{compared}",
        "commits": [commits.payload_commit(repo, one, with_files=True) for one in found[:COMMIT_LIMIT]],
        "total_commits": len(found),
        "head_commit": commits.payload_commit(repo, head, with_files=True) if head else None,
        "repository": _repo(repo, repo.owner),
        "pusher": user(repo.forge, by),
        "sender": user(repo.forge, by),
    }


def test_push(repo: "Repository", by: Person, head: str) -> dict[str, Json]:
    """The made-up push of a test delivery: before and after are the same, nobody has any right."""
    shown = commits.payload_commit(repo, repo.git.log(head, limit=1)[0], with_files=False)
    return {
        "ref": f"refs/heads/{repo.default_branch}",
        "before": head,
        "after": head,
        "compare_url": f"{repo.forge.url}/{repo.full_name}/compare/{head}...{head}",
        "commits": [shown],
        "total_commits": 1,
        "head_commit": shown,
        "repository": repository(repo, Right.NONE),
        "pusher": user(repo.forge, by),
        "sender": user(repo.forge, by),
    }


def create(repo: "Repository", by: Person, ref: str, sha: str) -> dict[str, Json]:
    """`create` of a branch or tag; all three rights are false."""
    return {
        "sha": sha,
        "ref": ref,
        "ref_type": _kind(ref),
        "repository": repository(repo, Right.NONE),
        "sender": user(repo.forge, by),
    }


def delete(repo: "Repository", by: Person, ref: str) -> dict[str, Json]:
    """`delete` of a branch or tag."""
    return {
        "ref": ref,
        "ref_type": _kind(ref),
        "pusher_type": "user",
        "repository": _repo(repo, repo.owner),
        "sender": user(repo.forge, by),
    }


def _kind(ref: str) -> str:
    return "branch" if ref.startswith("refs/heads/") else "tag"


def pull_push_body(shas: Sequence[str]) -> str:
    """The text of a `pull_push` line on the timeline."""
    return json.dumps({"is_force_push": False, "commit_ids": list(shas)}, separators=(",", ":"))
