"""Issues, comments, timeline entries, reactions, attachments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.standin.answers import Json
from bot.standin.labels import Label
from bot.standin.people import Person
from bot.standin.render.people import user, when
from bot.standin.render.repositories import label

if TYPE_CHECKING:
    from bot.standin.issues import Attachment, Entry, Issue, Reaction


def html_url(issue: "Issue") -> str:
    """Where a person reads it."""
    kind = "pulls" if issue.is_pull else "issues"
    return f"{issue.forge.url}/{issue.repo.full_name}/{kind}/{issue.number}"


def labels(issue: "Issue", stale: Sequence[Label] | None = None) -> list[dict[str, Json]]:
    """Its labels by name (``stale``: an older list)."""
    shown = issue.labels if stale is None else stale
    return [label(issue.repo, one) for one in sorted(shown, key=lambda one: (one.name, one.id))]


def assigned(issue: "Issue", viewer: Person | None) -> dict[str, Json]:
    """`assignee` and `assignees`; null when there is nobody."""
    people = [user(issue.forge, person, viewer) for person in issue.assignees]
    return {"assignee": people[0] if people else None, "assignees": people or None}


def issue(made: "Issue", viewer: Person | None = None, *, stale: Sequence[Label] | None = None) -> dict[str, Json]:
    """An issue, or a pull request seen as one."""
    repo = made.repo
    return {
        "id": made.id,
        "url": f"{repo.forge.url}/api/v1/repos/{repo.full_name}/issues/{made.number}",
        "html_url": html_url(made),
        "number": made.number,
        "user": user(repo.forge, made.poster, viewer),
        "original_author": "",
        "original_author_id": 0,
        "title": made.title,
        "body": made.body,
        "ref": "",
        "assets": [attachment(made, one) for one in made.assets],
        "labels": labels(made, stale),
        "milestone": None,
        **assigned(made, viewer),
        "state": made.state,
        "is_locked": made.is_locked,
        "comments": len(made.comments),
        "created_at": when(made.created),
        "updated_at": when(made.updated),
        "closed_at": when(made.closed),
        "due_date": None,
        "pull_request": _pull_part(made),
        "repository": {
            "id": repo.id,
            "name": repo.name,
            "owner": repo.owner.login,
            "full_name": repo.full_name,
        },
        "pin_order": 0,
    }


def _pull_part(made: "Issue") -> dict[str, Json] | None:
    pull = made.as_pull
    if pull is None:
        return None
    return {
        "merged": pull.merged,
        "merged_at": when(pull.merged_at),
        "draft": pull.draft,
        "html_url": html_url(pull),
    }


def _links(entry: "Entry") -> dict[str, Json]:
    """The three URLs of an entry: exactly one of the last two is filled."""
    on = html_url(entry.issue)
    return {
        "html_url": f"{on}#issuecomment-{entry.id}",
        "pull_request_url": on if entry.issue.is_pull else "",
        "issue_url": "" if entry.issue.is_pull else on,
    }


def comment(entry: "Entry", viewer: Person | None = None) -> dict[str, Json]:
    """A comment."""
    return {
        "id": entry.id,
        **_links(entry),
        "user": user(entry.forge, entry.by, viewer),
        "original_author": "",
        "original_author_id": 0,
        "body": entry.body,
        "assets": [attachment(entry.issue, one) for one in entry.assets],
        "created_at": when(entry.created),
        "updated_at": when(entry.updated),
    }


def timeline(entry: "Entry", viewer: Person | None = None) -> dict[str, Json]:
    """One line of the timeline."""
    forge = entry.forge
    return {
        "id": entry.id,
        "type": entry.kind,
        **_links(entry),
        "user": user(forge, entry.by, viewer),
        "body": entry.body,
        "created_at": when(entry.created),
        "updated_at": when(entry.updated),
        "old_project_id": 0,
        "project_id": 0,
        "old_milestone": None,
        "milestone": None,
        "tracked_time": None,
        "old_title": entry.old_title,
        "new_title": entry.new_title,
        "old_ref": entry.old_ref,
        "new_ref": "",
        "ref_issue": issue(entry.ref_issue, viewer) if entry.ref_issue else None,
        "ref_comment": None,
        "ref_action": entry.ref_action,
        "ref_commit_sha": entry.ref_commit_sha,
        "review_id": entry.review_id,
        "label": label(entry.issue.repo, entry.label) if entry.label else None,
        "assignee": user(forge, entry.assignee, viewer) if entry.assignee else None,
        "assignee_team": None,
        "removed_assignee": entry.removed_assignee,
        "resolve_doer": None,
        "dependent_issue": issue(entry.dependent_issue, viewer) if entry.dependent_issue else None,
    }


def attachment(on: "Issue", made: "Attachment") -> dict[str, Json]:
    """An uploaded file."""
    return {
        "id": made.id,
        "name": made.name,
        "size": len(made.content),
        "download_count": 0,
        "created_at": when(made.created),
        "uuid": made.uuid,
        "browser_download_url": f"{on.forge.url}/attachments/{made.uuid}",
        "type": "attachment",
    }


def reaction(on: "Issue", made: "Reaction", viewer: Person | None = None) -> dict[str, Json]:
    """An emoji by somebody."""
    return {
        "user": user(on.forge, made.by, viewer),
        "content": made.content,
        "created_at": when(made.created),
    }
