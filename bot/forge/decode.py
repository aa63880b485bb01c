"""Forgejo's JSON into facts; tolerant where the forge is known to be loose, strict about what must be there."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.core.facts import (
    Account,
    Blocker,
    Comment,
    CommitCheck,
    Hook,
    Issue,
    LabelEntry,
    LineComment,
    Opinion,
    PullRequest,
    Repository,
    Review,
    Right,
)

Json = Mapping[str, Any]

_RIGHTS = {"none": Right.NONE, "read": Right.READ, "write": Right.WRITE, "admin": Right.ADMIN, "owner": Right.ADMIN}


def moment(text: object) -> float:
    """Seconds since the epoch; 0 for what Forgejo writes when there is no time (year 1, 1970)."""
    if not isinstance(text, str) or not text:
        return 0.0
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return max(0.0, parsed.timestamp()) if parsed.year > 1970 else 0.0


def account(data: Json | None) -> Account:
    """A missing user is Ghost (id -1), as Forgejo shows deleted people."""
    return Account(int(data["id"]), str(data["login"])) if data and data.get("id") is not None else Account(-1, "Ghost")


def right(word: object) -> Right:
    return _RIGHTS.get(str(word), Right.UNKNOWN)


def repository(data: Json) -> Repository:
    held = data.get("permissions") or {}
    own = Right.ADMIN if held.get("admin") else Right.WRITE if held.get("push") else Right.READ
    return Repository(
        id=int(data["id"]),
        full_name=str(data["full_name"]),
        default_branch=str(data.get("default_branch") or "main"),
        clone_url=str(data.get("clone_url") or ""),
        html_url=str(data.get("html_url") or ""),
        private=bool(data.get("private")),
        archived=bool(data.get("archived")),
        empty=bool(data.get("empty")),
        right=own if held else Right.UNKNOWN,
    )


def issue(data: Json, repo_id: int) -> Issue:
    return Issue(
        repo_id=repo_id,
        number=int(data["number"]),
        title=str(data.get("title") or ""),
        body=str(data.get("body") or ""),
        author=account(data.get("user")),
        labels=frozenset(str(x["name"]) for x in data.get("labels") or [] if x),
        is_open=data.get("state") == "open",
        created_at=moment(data.get("created_at")),
        updated_at=moment(data.get("updated_at")),
        html_url=str(data.get("html_url") or ""),
        is_pull=bool(data.get("pull_request")),
        assignees=frozenset(str(x["login"]) for x in data.get("assignees") or [] if x),
    )


def label_entry(data: Json) -> LabelEntry:
    return LabelEntry(
        id=int(data["id"]),
        label=str(data["label"]["name"]),
        added=data.get("body") == "1",
        person=account(data.get("user")),
        at=moment(data.get("created_at")),
    )


def comment(data: Json) -> Comment:
    return Comment(
        id=int(data["id"]),
        author=account(data.get("user")),
        body=str(data.get("body") or ""),
        created_at=moment(data.get("created_at")),
        updated_at=moment(data.get("updated_at")),
        html_url=str(data.get("html_url") or ""),
        number=_number_in(str(data.get("issue_url") or "") or str(data.get("pull_request_url") or "")),
    )


def blocker(data: Json) -> Blocker:
    """Forgejo shows one that the asker may not read as number 0."""
    repo = data.get("repository") or {}
    return Blocker(str(repo.get("full_name") or ""), int(data.get("number") or 0), data.get("state") == "open")


def assignment(data: Json, label: str) -> LabelEntry:
    """A line of the timeline about an assignee, in the words of labels."""
    return LabelEntry(
        id=int(data["id"]),
        label=label,
        added=not data.get("removed_assignee"),
        person=account(data.get("user")),
        at=moment(data.get("created_at")),
    )


def _number_in(url: str) -> int:
    """The number at the end of an issue's address."""
    tail = url.rstrip("/").rpartition("/")[2]
    return int(tail) if tail.isdigit() and len(tail) < 12 else 0


def pull_request(data: Json) -> PullRequest:
    head, base = data.get("head") or {}, data.get("base") or {}
    return PullRequest(
        number=int(data["number"]),
        html_url=str(data.get("html_url") or ""),
        title=str(data.get("title") or ""),
        body=str(data.get("body") or ""),
        author=account(data.get("user")),
        is_open=data.get("state") == "open",
        merged=bool(data.get("merged")),
        head_branch=str(head.get("ref") or ""),
        head_sha=str(head.get("sha") or ""),
        base_branch=str(base.get("ref") or ""),
        merge_sha=str(data.get("merge_commit_sha") or "") if data.get("merged") else "",
        merged_by=str((data.get("merged_by") or {}).get("login") or ""),
        same_repository=head.get("repo_id") == base.get("repo_id"),
        mergeable=data.get("mergeable") is not False,
    )


def review(data: Json) -> Review | None:
    """None for what is no submitted review: a request for one, a draft."""
    if data.get("state") not in tuple(Opinion):
        return None
    return Review(
        id=int(data["id"]),
        author=account(data.get("user")),
        opinion=Opinion(data["state"]),
        body=str(data.get("body") or ""),
        at=moment(data.get("submitted_at")),
        commit_sha=str(data.get("commit_id") or ""),
        stale=bool(data.get("stale")),
        dismissed=bool(data.get("dismissed")),
        has_comments=bool(data.get("comments_count")),
    )


def line_comment(data: Json) -> LineComment:
    return LineComment(
        id=int(data["id"]),
        author=account(data.get("user")),
        path=str(data.get("path") or ""),
        line=int(data.get("position") or 0),
        hunk=str(data.get("diff_hunk") or ""),
        body=str(data.get("body") or ""),
    )


def commit_check(data: Json) -> CommitCheck:
    return CommitCheck(
        context=str(data.get("context") or ""),
        state=str(data.get("status") or ""),
        description=str(data.get("description") or ""),
        target=str(data.get("target_url") or ""),
    )


def hook(data: Json) -> Hook:
    return Hook(
        id=int(data["id"]),
        url=str((data.get("config") or {}).get("url") or ""),
        active=bool(data.get("active")),
        content_type=str((data.get("config") or {}).get("content_type") or ""),
        branch_filter=str(data.get("branch_filter") or ""),
        events=frozenset(str(x) for x in data.get("events") or []),
    )
