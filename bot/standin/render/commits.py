"""Commits, branches, files and statuses."""

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

from bot.standin.answers import Json
from bot.standin.git import Author, Commit, FileChange, TreeEntry
from bot.standin.people import Person, Right
from bot.standin.render.people import NEVER, user, when
from bot.standin.render.repositories import repository
from bot.standin.statuses import Status, combined, protection_of

if TYPE_CHECKING:
    from bot.standin.repositories import Repository

_UNSIGNED: dict[str, Json] = {
    "verified": False,
    "reason": "gpg.error.not_signed_commit",
    "signature": "",
    "signer": None,
    "payload": "",
}
_STATUS_WORDS = {"A": "added", "M": "modified", "D": "removed"}
_FILE_WORDS = {"A": "added", "M": "changed", "D": "deleted"}


def _api(repo: "Repository") -> str:
    return f"{repo.forge.url}/api/v1/repos/{repo.full_name}"


def _html(repo: "Repository") -> str:
    return f"{repo.forge.url}/{repo.full_name}"


def payload_commit(repo: "Repository", commit: Commit, *, with_files: bool) -> dict[str, Json]:
    """A commit as pushes (files, no verification) and branches (the reverse) show it."""
    return {
        "id": commit.sha,
        "message": commit.message,
        "url": f"{_html(repo)}/commit/{commit.sha}",
        "author": _payload_author(repo, commit.author),
        "committer": _payload_author(repo, commit.committer),
        "verification": None if with_files else _UNSIGNED,
        "timestamp": when(commit.committer.when),
        "added": commit.paths("A") if with_files else None,
        "removed": commit.paths("D") if with_files else None,
        "modified": commit.paths("M") if with_files else None,
    }


def _payload_author(repo: "Repository", author: Author) -> dict[str, Json]:
    known = _account(repo, author)
    return {"name": author.name, "email": author.email, "username": known.login if known else ""}


def _account(repo: "Repository", author: Author) -> Person | None:
    people = repo.forge.people.values()
    return next((person for person in people if person.email == author.email), None)


def commit(repo: "Repository", made: Commit) -> dict[str, Json]:
    """A commit as the commit routes show it (the tree's sha is the commit's: Forgejo 15.0 does so)."""
    url = f"{_api(repo)}/git/commits/{made.sha}"
    author, committer = _account(repo, made.author), _account(repo, made.committer)
    return {
        "url": url,
        "sha": made.sha,
        "created": when(made.committer.when),
        "html_url": f"{_html(repo)}/commit/{made.sha}",
        "commit": {
            "url": url,
            "author": _dated(made.author),
            "committer": _dated(made.committer),
            "message": made.message,
            "tree": {
                "url": f"{_api(repo)}/git/trees/{made.sha}",
                "sha": made.sha,
                "created": when(made.committer.when),
            },
            "verification": _UNSIGNED,
        },
        "author": user(repo.forge, author) if author else None,
        "committer": user(repo.forge, committer) if committer else None,
        "parents": [_meta(repo, parent) for parent in made.parents],
        "files": [{"filename": path, "status": _STATUS_WORDS[kind]} for kind, path in made.changes],
        "stats": {
            "total": made.additions + made.deletions,
            "additions": made.additions,
            "deletions": made.deletions,
        },
    }


def _dated(author: Author) -> dict[str, Json]:
    return {"name": author.name, "email": author.email, "date": when(author.when)}


def _meta(repo: "Repository", sha: str, kind: str = "commits") -> dict[str, Json]:
    return {"url": f"{_api(repo)}/git/{kind}/{sha}", "sha": sha, "created": NEVER}


def file_commit(repo: "Repository", made: Commit) -> dict[str, Json]:
    """The commit that a write through the contents route made."""
    return {
        **_meta(repo, made.sha),
        "html_url": f"{_html(repo)}/commit/{made.sha}",
        "author": _dated(made.author),
        "committer": _dated(made.committer),
        "parents": [_meta(repo, parent) for parent in made.parents],
        "message": made.message,
        "tree": _meta(repo, made.tree, "trees"),
    }


def file_answer(repo: "Repository", content: dict[str, Json], made: Commit) -> dict[str, Json]:
    """What a write through the contents route answers."""
    return {"content": content, "commit": file_commit(repo, made), "verification": _UNSIGNED}


def compare(repo: "Repository", commits: list[Commit]) -> dict[str, Json]:
    """Commits of a comparison, newest first, and the files they touch, one line for each touch."""
    shown = [commit(repo, one) for one in commits]
    files = [file for one in shown for file in one["files"]]
    return {"total_commits": len(shown), "commits": shown, "files": files}


def branch(repo: "Repository", name: str, made: Commit, right: Right) -> dict[str, Json]:
    """A branch with its protection."""
    rule = protection_of(repo, name)
    may_push = right >= Right.WRITE and (rule is None or rule.enable_push)
    return {
        "name": name,
        "commit": payload_commit(repo, made, with_files=False),
        "protected": rule is not None,
        "required_approvals": rule.required_approvals if rule else 0,
        "enable_status_check": rule is not None and rule.enable_status_check,
        "status_check_contexts": list(rule.status_check_contexts) if rule else [],
        "user_can_push": may_push,
        "user_can_merge": right >= Right.WRITE,
        "effective_branch_protection_name": rule.rule_name if rule and right >= Right.ADMIN else "",
    }


def content(repo: "Repository", entry: TreeEntry, ref: str, last: Commit, data: bytes | None = None) -> dict[str, Json]:
    """A file (with ``data``) or a folder's entry at ``ref``."""
    is_file = entry.kind == "blob"
    here = f"{_api(repo)}/contents/{quote(entry.path)}?ref={quote(ref, safe='')}"
    kind = "branch" if ref in repo.git.branches() else "commit"
    html = f"{_html(repo)}/src/{kind}/{ref}/{entry.path}"
    blob = f"{_api(repo)}/git/{'blobs' if is_file else 'trees'}/{entry.sha}"
    return {
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "last_commit_sha": last.sha,
        "last_commit_when": when(last.committer.when),
        "type": "file" if is_file else "dir",
        "size": entry.size,
        "encoding": None if data is None else "base64",
        "content": None if data is None else base64.b64encode(data).decode(),
        "target": None,
        "url": here,
        "html_url": html,
        "git_url": blob,
        "download_url": f"{_html(repo)}/raw/{kind}/{ref}/{entry.path}" if is_file else None,
        "submodule_git_url": None,
        "_links": {"self": here, "git": blob, "html": html},
    }


def changed_file(repo: "Repository", file: FileChange, sha: str) -> dict[str, Json]:
    """A file that a pull request changes."""
    path = quote(file.path)
    return {
        "filename": file.path,
        "status": _FILE_WORDS[file.status],
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "html_url": f"{_html(repo)}/src/commit/{sha}/{path}",
        "contents_url": f"{_api(repo)}/contents/{path}?ref={sha}",
        "raw_url": f"{_html(repo)}/raw/commit/{sha}/{path}",
    }


def status(repo: "Repository", made: Status) -> dict[str, Json]:
    """A commit status; its state goes by the name `status`."""
    return {
        "id": made.id,
        "status": made.state,
        "target_url": made.target_url,
        "description": made.description,
        "url": f"{_api(repo)}/statuses/{made.sha}",
        "context": made.context,
        "creator": user(repo.forge, made.creator),
        "created_at": when(made.created),
        "updated_at": when(made.created),
    }


def combined_status(repo: "Repository", found: list[Status], right: Right, viewer: Person | None) -> dict[str, Json]:
    """The sum of the latest statuses; without any, nearly everything is blank."""
    return {
        "state": combined(found),
        "sha": found[0].sha if found else "",
        "total_count": len(found),
        "statuses": [status(repo, one) for one in found] or None,
        "repository": repository(repo, right, viewer) if found else None,
        "commit_url": "",
        "url": "",
    }
