"""Files of default branches as last read: a cache of the forge that outlives its absence."""

from dataclasses import dataclass
from typing import Final

from bot.store.dialect import Row, Sql

_COLUMNS: Final = "present, text, error, blob_sha, commit_sha, existed"


@dataclass(frozen=True)
class Tip:
    """The default branch as last read; ``sha`` "" = it had no commit. Times are seconds since the epoch.

    ``read_at`` 0 = never read, ``tried_at`` when it was last asked for, ``trouble`` why that failed ("" = it did not).
    """

    branch: str
    sha: str
    read_at: float
    tried_at: float
    trouble: str


@dataclass(frozen=True)
class RepoFile:
    """A file at the default branch's tip. ``text`` None: there is none, or (``error``) it cannot be used.

    ``existed``: the branch has had it at some time since we look.
    """

    text: str | None
    error: str
    blob_sha: str
    commit_sha: str
    existed: bool


def tip(sql: Sql, repo_id: int) -> Tip | None:
    row = sql.one("SELECT branch, sha, read_at, tried_at, trouble FROM repo_tip WHERE repo_id = ?", repo_id)
    return Tip(*row) if row else None


def get(sql: Sql, repo_id: int, path: str) -> RepoFile | None:
    """None when it was never read."""
    row = sql.one(f"SELECT {_COLUMNS} FROM repo_file WHERE repo_id = ? AND path = ?", repo_id, path)
    return _file(row) if row else None


def trying(sql: Sql, repo_id: int, at: float, not_since: float) -> bool:
    """Notes that somebody asks the forge now; False when somebody did after ``not_since``: leave it to them."""
    changed = sql.run(
        """INSERT INTO repo_tip (repo_id, branch, sha, read_at, tried_at, trouble) VALUES (?, '', '', 0, ?, '')
           ON CONFLICT (repo_id) DO UPDATE SET tried_at = excluded.tried_at WHERE repo_tip.tried_at <= ?""",
        *(repo_id, at, not_since),
    )
    return changed == 1


def read(sql: Sql, repo_id: int, branch: str, sha: str, at: float) -> None:
    sql.run(
        """INSERT INTO repo_tip (repo_id, branch, sha, read_at, tried_at, trouble) VALUES (?, ?, ?, ?, ?, '')
           ON CONFLICT (repo_id) DO UPDATE SET branch = excluded.branch, sha = excluded.sha,
           read_at = max(repo_tip.read_at, excluded.read_at), tried_at = max(repo_tip.tried_at, excluded.tried_at),
           trouble = ''""",
        *(repo_id, branch, sha, at, at),
    )


def failed(sql: Sql, repo_id: int, trouble: str) -> None:
    """The forge did not answer: what was read before stays."""
    sql.run("UPDATE repo_tip SET trouble = ? WHERE repo_id = ?", trouble, repo_id)


def put(sql: Sql, repo_id: int, path: str, file: RepoFile) -> None:
    """``existed`` never goes back."""
    sql.run(
        f"""INSERT INTO repo_file (repo_id, path, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (repo_id, path) DO UPDATE SET present = excluded.present, text = excluded.text,
            error = excluded.error, blob_sha = excluded.blob_sha, commit_sha = excluded.commit_sha,
            existed = max(repo_file.existed, excluded.existed)""",
        *(repo_id, path, int(file.text is not None), file.text or "", file.error, file.blob_sha, file.commit_sha),
        int(file.existed),
    )


def _file(row: Row) -> RepoFile:
    present, text, error, blob_sha, commit_sha, existed = row
    return RepoFile(text if present else None, error, blob_sha, commit_sha, bool(existed))
