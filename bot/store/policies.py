"""The rules of repositories as last understood; ``rules`` "" = it has none of its own."""

import json
from dataclasses import dataclass
from typing import Any

from bot.store.dialect import Sql


@dataclass(frozen=True)
class Known:
    """``source_sha`` is the digest of the text that was judged, ``error`` why it is not used ("" = it is)."""

    found: bool
    source_sha: str
    rules: dict[str, Any]
    error: str


def get(sql: Sql, repo_id: int) -> Known | None:
    row = sql.one("SELECT found, source_sha, rules, error FROM policy WHERE repo_id = ?", repo_id)
    return Known(bool(row[0]), row[1], json.loads(row[2] or "{}"), row[3]) if row else None


def put(sql: Sql, repo_id: int, known: Known, at: float) -> None:
    sql.run(
        """INSERT INTO policy (repo_id, found, source_sha, rules, error, read_at) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (repo_id) DO UPDATE SET found = excluded.found, source_sha = excluded.source_sha,
           rules = excluded.rules, error = excluded.error, read_at = excluded.read_at""",
        *(repo_id, int(known.found), known.source_sha, json.dumps(known.rules, sort_keys=True), known.error, at),
    )


def all_rules(sql: Sql) -> list[tuple[int, dict[str, Any]]]:
    """(repository, rules) of those that have any."""
    return [
        (r[0], json.loads(r[1])) for r in sql.all("SELECT repo_id, rules FROM policy WHERE rules NOT IN ('', '{}')")
    ]


def unfinished(sql: Sql, repo_id: int) -> int:
    return int(
        sql.value(
            "SELECT count(*) FROM task WHERE repo_id = ? AND state NOT IN ('requested', 'done', 'failed', 'cancelled')",
            repo_id,
        )
    )
