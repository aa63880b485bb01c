"""The last thing known of repositories and issues; a cache of the forge, never the truth about it."""

import json
from dataclasses import dataclass

from bot.core import cleaning
from bot.core.facts import Issue, Repository
from bot.store import history
from bot.store.dialect import Row, Sql


@dataclass(frozen=True)
class KnownRepository:
    """``swept_to`` is the forge's time up to which changed issues have been looked at; 0 = never."""

    id: int
    full_name: str
    default_branch: str
    clone_url: str
    html_url: str
    watched: bool
    swept_to: float


@dataclass(frozen=True)
class KnownIssue:
    title: str
    labels: frozenset[str]
    is_open: bool
    updated_at: float


def remember_repo(sql: Sql, repo: Repository, at: float, *, watch: bool | None = None) -> None:
    """``watch`` None leaves it as it is (a new one is not watched)."""
    sql.run(
        """INSERT INTO repo (id, full_name, default_branch, clone_url, html_url, watched, swept_to, seen_at)
           VALUES (?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT (id) DO UPDATE SET full_name = excluded.full_name,
           default_branch = excluded.default_branch, clone_url = excluded.clone_url, html_url = excluded.html_url,
           seen_at = excluded.seen_at""",
        *(repo.id, repo.full_name, repo.default_branch, repo.clone_url, repo.html_url, int(bool(watch)), at),
    )
    if watch is not None:
        sql.run("UPDATE repo SET watched = ? WHERE id = ?", int(watch), repo.id)


def watch(sql: Sql, repo_id: int) -> None:
    """From now on sweeps look at this repository."""
    sql.run("UPDATE repo SET watched = 1 WHERE id = ? AND watched = 0", repo_id)


def unwatch(sql: Sql, repo_id: int) -> None:
    """Sweeps look at this repository no more."""
    sql.run("UPDATE repo SET watched = 0 WHERE id = ?", repo_id)


def swept(sql: Sql, repo_id: int, to: float) -> None:
    sql.run("UPDATE repo SET swept_to = max(swept_to, ?) WHERE id = ?", to, repo_id)


def repo(sql: Sql, repo_id: int) -> KnownRepository | None:
    row = sql.one(f"SELECT {_REPO} FROM repo WHERE id = ?", repo_id)
    return _known(row) if row else None


def repo_named(sql: Sql, full_name: str) -> KnownRepository | None:
    row = sql.one(f"SELECT {_REPO} FROM repo WHERE lower(full_name) = lower(?) ORDER BY seen_at DESC", full_name)
    return _known(row) if row else None


def repos(sql: Sql) -> list[KnownRepository]:
    return [_known(r) for r in sql.all(f"SELECT {_REPO} FROM repo ORDER BY id")]


def watched(sql: Sql) -> list[KnownRepository]:
    return [_known(r) for r in sql.all(f"SELECT {_REPO} FROM repo WHERE watched = 1 ORDER BY id")]


def remember_issue(sql: Sql, issue: Issue) -> None:
    """Keeps the newer of two looks at an issue."""
    title = history.title_of(sql, issue.repo_id, issue.number)
    sql.run(
        """INSERT INTO issue (repo_id, number, title, labels, is_open, updated_at) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (repo_id, number) DO UPDATE SET title = excluded.title, labels = excluded.labels,
           is_open = excluded.is_open, updated_at = excluded.updated_at
           WHERE issue.updated_at <= excluded.updated_at""",
        *(issue.repo_id, issue.number, cleaning.storable(issue.title, 1000), json.dumps(sorted(issue.labels))),
        *(int(issue.is_open), issue.updated_at),
    )
    if title != history.title_of(sql, issue.repo_id, issue.number):
        history.renamed(sql, issue.repo_id, issue.number)


def issue(sql: Sql, repo_id: int, number: int) -> KnownIssue | None:
    row = sql.one(
        "SELECT title, labels, is_open, updated_at FROM issue WHERE repo_id = ? AND number = ?", repo_id, number
    )
    return KnownIssue(row[0], frozenset(json.loads(row[1])), bool(row[2]), row[3]) if row else None


def text_seen(sql: Sql, repo_id: int, number: int, sha256: str, at: float) -> None:
    """The issue says this; ``at`` is the forge's time of its last change, kept from when the text was first seen."""
    sql.run(
        """INSERT INTO issue_text (repo_id, number, sha256, since) VALUES (?, ?, ?, ?)
           ON CONFLICT (repo_id, number) DO UPDATE SET sha256 = excluded.sha256, since = excluded.since
           WHERE issue_text.sha256 <> excluded.sha256""",
        *(repo_id, number, sha256, at),
    )


def text_since(sql: Sql, repo_id: int, number: int) -> tuple[str, float]:
    """(digest, the forge's time at which it was said for certain); ("", 0) when never seen."""
    row = sql.one("SELECT sha256, since FROM issue_text WHERE repo_id = ? AND number = ?", repo_id, number)
    return (row[0], row[1]) if row else ("", 0.0)


_REPO = "id, full_name, default_branch, clone_url, html_url, watched, swept_to"


def _known(row: Row) -> KnownRepository:
    return KnownRepository(row[0], row[1], row[2], row[3], row[4], bool(row[5]), row[6])
