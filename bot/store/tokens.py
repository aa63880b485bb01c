"""API tokens: a random value shown once, its digest kept."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.store import digests
from bot.store.dialect import Row, Sql

_COLUMNS: Final = "prefix, digest, name, role, agent, repos, legacy, created_at, expires_at, last_used_at, revoked_at"
#: How much of a token is kept in the clear, so that people can name it.
PREFIX_CHARS: Final = 12

#: agent = one agent's own calls; read < write < admin = an operator's.
ROLES: Final = ("agent", "read", "write", "admin")


@dataclass(frozen=True)
class Token:
    """``repos`` are globs over ``owner/name`` it may serve, () = all. Times 0 = never."""

    prefix: str
    name: str
    role: str
    agent: str
    repos: tuple[str, ...]
    legacy: bool
    created_at: float
    expires_at: float
    last_used_at: float
    revoked_at: float

    def usable(self, now: float) -> bool:
        return not self.revoked_at and (not self.expires_at or now < self.expires_at)


def create(
    sql: Sql,
    *,
    name: str,
    role: str,
    at: float,
    agent: str = "",
    repos: Sequence[str] = (),
    legacy: bool = False,
    expires_at: float = 0.0,
) -> str:
    """Makes a token of 256 random bits and returns it; it cannot be read again."""
    kind = {"agent": "aft_"}.get(role, "afo_")
    secret = kind + secrets.token_urlsafe(32)
    sql.run(
        f"INSERT INTO token ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
        *(secret[:PREFIX_CHARS], digests.of_secret(secret), name, role, agent, json.dumps(list(repos)), int(legacy)),
        *(at, expires_at),
    )
    return secret


def find(sql: Sql, secret: str) -> Token | None:
    """The token whose text this is, usable or not; None for an unknown one."""
    row = sql.one(f"SELECT {_COLUMNS} FROM token WHERE prefix = ?", secret[:PREFIX_CHARS])
    if row is None or not secrets.compare_digest(bytes(row[1]), digests.of_secret(secret)):
        return None
    return _token(row)


def get(sql: Sql, prefix: str) -> Token | None:
    row = sql.one(f"SELECT {_COLUMNS} FROM token WHERE prefix = ?", prefix)
    return _token(row) if row else None


def of_agent(sql: Sql, agent: str) -> list[Token]:
    return [_token(r) for r in sql.all(f"SELECT {_COLUMNS} FROM token WHERE agent = ? AND agent <> ''", agent)]


def listed(sql: Sql) -> list[Token]:
    return [_token(r) for r in sql.all(f"SELECT {_COLUMNS} FROM token ORDER BY created_at, prefix")]


def revoke(sql: Sql, prefix: str, at: float) -> bool:
    return sql.run("UPDATE token SET revoked_at = ? WHERE prefix = ? AND revoked_at = 0", at, prefix) == 1


def used(sql: Sql, prefix: str, at: float) -> None:
    sql.run("UPDATE token SET last_used_at = ? WHERE prefix = ?", at, prefix)


def _token(row: Row) -> Token:
    return Token(row[0], row[2], row[3], row[4], tuple(json.loads(row[5])), bool(row[6]), *row[7:])
