"""Signed receipts, numbered per repository, and the public keys that they were signed with."""

import base64
from dataclasses import dataclass
from typing import Final

from bot.store.dialect import Row, Sql

_COLUMNS: Final = "id, repo_id, number, task_id, fence, sha256, prev_sha256, result, key_id, body, created_at"


@dataclass(frozen=True)
class Signed:
    """``body`` is the receipt as canonical JSON, signature included."""

    id: str
    repo_id: int
    number: int
    task_id: str
    fence: int
    sha256: str
    prev_sha256: str
    result: str
    key_id: str
    body: str
    created_at: float


@dataclass(frozen=True)
class PublicKey:
    """``retired_at`` 0 = signs now."""

    key_id: str
    public: bytes
    created_at: float
    retired_at: float


def add(sql: Sql, one: Signed) -> None:
    """Raises Duplicate when the number is taken or the attempt has one."""
    sql.run(
        f"INSERT INTO signed_receipt ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(one.id, one.repo_id, one.number, one.task_id, one.fence, one.sha256, one.prev_sha256, one.result),
        *(one.key_id, one.body, one.created_at),
    )


def of_attempt(sql: Sql, task_id: str, fence: int) -> Signed | None:
    row = sql.one(f"SELECT {_COLUMNS} FROM signed_receipt WHERE task_id = ? AND fence = ?", task_id, fence)
    return Signed(*row) if row else None


def of_task(sql: Sql, task_id: str) -> list[Signed]:
    """Oldest first."""
    rows = sql.all(f"SELECT {_COLUMNS} FROM signed_receipt WHERE task_id = ? ORDER BY number", task_id)
    return [Signed(*r) for r in rows]


def get(sql: Sql, receipt_id: str) -> Signed | None:
    row = sql.one(f"SELECT {_COLUMNS} FROM signed_receipt WHERE id = ?", receipt_id)
    return Signed(*row) if row else None


def of_repo(sql: Sql, repo_id: int, after: int = 0, limit: int = 1000) -> list[Signed]:
    """The chain of a repository from number ``after`` + 1 on."""
    rows = sql.all(
        f"SELECT {_COLUMNS} FROM signed_receipt WHERE repo_id = ? AND number > ? ORDER BY number LIMIT ?",
        *(repo_id, after, limit),
    )
    return [Signed(*r) for r in rows]


def after(sql: Sql, repo_id: int, number: int, limit: int = 500) -> list[Signed]:
    """The receipts of all repositories after that one, by repository and number."""
    rows = sql.all(
        f"""SELECT {_COLUMNS} FROM signed_receipt WHERE (repo_id, number) > (?, ?)
            ORDER BY repo_id, number LIMIT ?""",
        *(repo_id, number, limit),
    )
    return [Signed(*r) for r in rows]


def last(sql: Sql, repo_id: int) -> tuple[int, str] | None:
    """(number, digest) of the newest receipt of a repository."""
    row = sql.one("SELECT number, sha256 FROM signed_receipt WHERE repo_id = ? ORDER BY number DESC LIMIT 1", repo_id)
    return (int(row[0]), str(row[1])) if row else None


def keys(sql: Sql) -> list[PublicKey]:
    """All that ever signed, newest first."""
    rows: list[Row] = sql.all(
        """SELECT key_id, public_key, created_at, retired_at FROM receipt_key
           ORDER BY CASE WHEN retired_at = 0 THEN 0 ELSE 1 END, created_at DESC"""
    )
    return [PublicKey(r[0], base64.b64decode(r[1]), r[2], r[3]) for r in rows]


def use_key(sql: Sql, key_id: str, public: bytes, at: float) -> None:
    """From now on this key signs; the ones before are retired. Again with the same one changes nothing."""
    sql.run("UPDATE receipt_key SET retired_at = ? WHERE retired_at = 0 AND key_id <> ?", at, key_id)
    sql.run(
        """INSERT INTO receipt_key (key_id, public_key, created_at, retired_at) VALUES (?, ?, ?, 0)
           ON CONFLICT (key_id) DO NOTHING""",
        *(key_id, base64.b64encode(public).decode(), at),
    )
