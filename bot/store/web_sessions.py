"""Who is signed in to the dashboard: of each session only the digest of its cookie is kept."""

import secrets
from dataclasses import dataclass
from typing import Final

from bot.store import digests
from bot.store.dialect import Sql

FORGE: Final = "forge"
TOKEN: Final = "token"  # noqa: S105 - not one

_COLUMNS: Final = "kind, account_id, login, token, begun_at, seen_at"


@dataclass(frozen=True)
class WebSession:
    """``kind`` forge: an account of the forge by its id and the login it had; token: an API token by its ``token``
    prefix, ``login`` its name. Times are epoch seconds.
    """

    kind: str
    account_id: int
    login: str
    token: str
    begun_at: float
    seen_at: float


def open_one(sql: Sql, session: WebSession) -> str:
    """Returns the session's secret, 256 random bits, which cannot be read again."""
    secret = secrets.token_urlsafe(32)
    sql.run(
        f"INSERT INTO web_session (digest, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(digests.of_secret(secret), session.kind, session.account_id, session.login, session.token),
        *(session.begun_at, session.seen_at),
    )
    return secret


def find(sql: Sql, secret: str) -> WebSession | None:
    """The session whose secret this is, over or not."""
    row = sql.one(f"SELECT {_COLUMNS} FROM web_session WHERE digest = ?", digests.of_secret(secret))
    return WebSession(*row) if row else None


def seen(sql: Sql, secret: str, at: float) -> None:
    sql.run("UPDATE web_session SET seen_at = ? WHERE digest = ? AND seen_at < ?", at, digests.of_secret(secret), at)


def end(sql: Sql, secret: str) -> None:
    sql.run("DELETE FROM web_session WHERE digest = ?", digests.of_secret(secret))


def end_all(sql: Sql, of: WebSession) -> int:
    """Every session of the same person, on whatever machine; returns how many."""
    return sql.run(
        "DELETE FROM web_session WHERE kind = ? AND account_id = ? AND token = ?", of.kind, of.account_id, of.token
    )


def forget(sql: Sql, *, begun_before: float, seen_before: float) -> int:
    """Deletes what is over; returns how many."""
    return sql.run("DELETE FROM web_session WHERE begun_at <= ? OR seen_at <= ?", begun_before, seen_before)
