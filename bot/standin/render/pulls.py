"""Pull requests and reviews."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.standin.answers import Json
from bot.standin.labels import Label
from bot.standin.people import Person, Right
from bot.standin.render.issues import assigned, html_url, labels
from bot.standin.render.people import user, when
from bot.standin.render.repositories import repository

if TYPE_CHECKING:
    from bot.standin.pulls import Pull
    from bot.standin.reviews import LineComment, Review


def pull(
    made: "Pull",
    right: Right,
    viewer: Person | None = None,
    *,
    stale: Sequence[Label] | None = None,
    checking: bool = False,
) -> dict[str, Json]:
    """A pull request; while Forgejo is still ``checking`` for conflicts it is not mergeable."""
    repo, url = made.repo, html_url(made)
    changes = made.changes()
    home = repository(repo, right, viewer)
    head_ref = made.head_ref if made.head_is_gone else made.head
    return {
        "id": made.pull_id,
        "url": url,
        "number": made.number,
        "user": user(repo.forge, made.poster, viewer),
        "title": made.title,
        "body": made.body,
        "labels": labels(made, stale),
        "milestone": None,
        **assigned(made, viewer),
        "requested_reviewers": [user(repo.forge, person) for person in made.requested_reviewers],
        "requested_reviewers_teams": [],
        "state": made.state,
        "draft": made.draft,
        "is_locked": made.is_locked,
        "comments": len(made.comments),
        "review_comments": sum(len(review.comments) for review in made.reviews),
        "additions": sum(file.additions for file in changes),
        "deletions": sum(file.deletions for file in changes),
        "changed_files": len(changes),
        "html_url": url,
        "diff_url": f"{url}.diff",
        "patch_url": f"{url}.patch",
        "mergeable": not checking and (made.merged or made.mergeable),
        "merged": made.merged,
        "merged_at": when(made.merged_at),
        "merge_commit_sha": made.merge_commit_sha,
        "merged_by": user(repo.forge, made.merged_by) if made.merged_by else None,
        "allow_maintainer_edit": False,
        "base": _end(made.base, made.base, made.base_sha, home),
        "head": _end(made.head, head_ref, made.head_sha, home),
        "merge_base": made.merge_base,
        "due_date": None,
        "created_at": when(made.created),
        "updated_at": when(made.updated),
        "closed_at": when(made.closed),
        "pin_order": 0,
        "flow": 0,
    }


def _end(label: str, ref: str, sha: str, home: dict[str, Json]) -> dict[str, Json]:
    return {"label": label, "ref": ref, "sha": sha, "repo_id": home["id"], "repo": home}


def review(on: "Pull", made: "Review", viewer: Person | None = None) -> dict[str, Json]:
    """A review or a request for one."""
    url = html_url(on)
    return {
        "id": made.id,
        "user": user(on.forge, made.by, viewer),
        "team": None,
        "state": made.state,
        "body": made.body,
        "commit_id": made.commit_id,
        "stale": made.stale,
        "official": made.official,
        "dismissed": made.dismissed,
        "comments_count": len(made.comments),
        "submitted_at": when(made.submitted),
        "updated_at": when(made.submitted),
        "html_url": f"{url}#issuecomment-{made.entry_id}" if made.entry_id else "",
        "pull_request_url": url,
    }


def review_comment(on: "Pull", of: "Review", made: "LineComment", viewer: Person | None) -> dict[str, Json]:
    """A comment on a line."""
    url = html_url(on)
    return {
        "id": made.id,
        "body": made.body,
        "user": user(on.forge, made.by or of.by, viewer),
        "resolver": None,
        "pull_request_review_id": of.id,
        "created_at": when(of.submitted),
        "updated_at": when(of.submitted),
        "path": made.path,
        "commit_id": of.commit_id,
        "original_commit_id": "",
        "diff_hunk": on.hunk(made.path, made.line),
        "position": made.line,
        "original_position": 0,
        "html_url": f"{url}#issuecomment-{made.id}",
        "pull_request_url": url,
    }
