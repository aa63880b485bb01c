"""What attempts were told, byte for byte: which got which text, and the texts, each once, by their digest."""

import hashlib
from dataclasses import dataclass
from typing import Final

from bot.store.dialect import Sql

_COLUMNS: Final = "task_id, fence, form, sha256, size, template, policy_sha256, argv_sha256, given_at"


@dataclass(frozen=True)
class GivenPrompt:
    """``form``: ``input`` is what the agent CLI read, ``task`` the JSON that a pull agent was answered with.

    ``sha256`` and ``size`` (bytes) are of the text in UTF-8. ``template`` is the repository's file and commit, "" for
    the built-in one; ``policy_sha256`` "" = the repository has no policy; ``argv_sha256`` "" = not started by us.
    """

    task_id: str
    fence: int
    form: str
    sha256: str
    size: int
    template: str
    policy_sha256: str
    argv_sha256: str
    given_at: float


def keep(
    sql: Sql,
    task_id: str,
    fence: int,
    form: str,
    text: str,
    *,
    template: str,
    policy_sha256: str,
    argv_sha256: str = "",
    at: float,
) -> str:
    """Keeps what the attempt was given, and returns its digest; said again, the last one counts.

    ``text`` holds no NUL and no lone surrogate.
    """
    data = text.encode()
    sha256 = hashlib.sha256(data).hexdigest()
    sql.run(
        """INSERT INTO prompt_text (sha256, text, kept_at) VALUES (?, ?, ?)
           ON CONFLICT (sha256) DO UPDATE SET kept_at = excluded.kept_at""",
        *(sha256, text, at),
    )
    sql.run(
        f"""INSERT INTO given_prompt ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (task_id, fence) DO UPDATE SET form = excluded.form, sha256 = excluded.sha256,
            size = excluded.size, template = excluded.template, policy_sha256 = excluded.policy_sha256,
            argv_sha256 = excluded.argv_sha256, given_at = excluded.given_at""",
        *(task_id, fence, form, sha256, len(data), template, policy_sha256, argv_sha256, at),
    )
    return sha256


def of_attempt(sql: Sql, task_id: str, fence: int) -> GivenPrompt | None:
    """None when the attempt was given nothing yet, or before these were kept."""
    row = sql.one(f"SELECT {_COLUMNS} FROM given_prompt WHERE task_id = ? AND fence = ?", task_id, fence)
    return GivenPrompt(*row) if row else None


def text(sql: Sql, sha256: str) -> str | None:
    """None when it is not kept any more."""
    found = sql.value("SELECT text FROM prompt_text WHERE sha256 = ?", sha256)
    return None if found is None else str(found)


def forget(sql: Sql, before: float, limit: int = 1000) -> int:
    """Deletes texts that only attempts which ended before ``before`` were given; returns how many, at most ``limit``.

    Which attempt got which digest stays.
    """
    return sql.run(
        """DELETE FROM prompt_text WHERE sha256 IN
           (SELECT kept.sha256 FROM prompt_text AS kept WHERE kept.kept_at < ? AND NOT EXISTS
            (SELECT 1 FROM given_prompt JOIN attempt
             ON attempt.task_id = given_prompt.task_id AND attempt.fence = given_prompt.fence
             WHERE given_prompt.sha256 = kept.sha256 AND (attempt.active = 1 OR attempt.ended_at >= ?)) LIMIT ?)""",
        *(before, before, limit),
    )
