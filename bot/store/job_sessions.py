"""What jobs of Forgejo Actions may do for a while, and which of their id tokens were used."""

import secrets
from dataclasses import dataclass
from typing import Final

from bot.store import digests
from bot.store.dialect import Sql

PREFIX: Final = "afj_"
_COLUMNS: Final = "role, agent, repository, repo_id, run_id, task_id, fence, claim_id, expires_at"


@dataclass(frozen=True)
class JobSession:
    """``role`` is read, write or agent, in one repository only. ``task_id``, ``fence`` and ``claim_id`` are set for
    jobs that were started for one attempt: they may work on that and nothing else.
    """

    role: str
    agent: str
    repository: str
    repo_id: int
    run_id: int
    task_id: str
    fence: int
    claim_id: str
    expires_at: float

    @property
    def name(self) -> str:
        return f"actions:{self.repository}:{self.run_id}"


def spend(sql: Sql, signed: str, until: float) -> bool:
    """Notes that the id token of this signed part was used; False when it was before. Kept until it is over."""
    kept = "INSERT INTO spent_token (digest, until) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING"
    return sql.run(kept, digests.of_secret(signed), until) == 1


def open_one(sql: Sql, session: JobSession) -> str:
    """Returns the session's secret, which cannot be read again."""
    secret = PREFIX + secrets.token_urlsafe(32)
    sql.run(
        f"INSERT INTO job_session (digest, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(digests.of_secret(secret), session.role, session.agent, session.repository, session.repo_id, session.run_id),
        *(session.task_id, session.fence, session.claim_id, session.expires_at),
    )
    return secret


def find(sql: Sql, secret: str, now: float) -> JobSession | None:
    """None for an unknown one, and when its time is over."""
    row = sql.one(
        f"SELECT {_COLUMNS} FROM job_session WHERE digest = ? AND expires_at > ?", digests.of_secret(secret), now
    )
    return JobSession(*row) if row else None


def forget(sql: Sql, now: float) -> int:
    """Deletes what is over; returns how many rows."""
    gone = sql.run("DELETE FROM job_session WHERE expires_at <= ?", now)
    return gone + sql.run("DELETE FROM spent_token WHERE until <= ?", now)
