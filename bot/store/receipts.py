"""Receipts as agents handed them in."""

import json
from typing import Any

from bot.core import ids
from bot.store import retention
from bot.store.dialect import Sql


def put(sql: Sql, task_id: str, fence: int, agent: str, sha256: str, body: dict[str, Any], at: float) -> str:
    """Keeps a receipt and returns its id; the same one again gives the same id."""
    known = sql.value("SELECT id FROM receipt WHERE task_id = ? AND fence = ? AND sha256 = ?", task_id, fence, sha256)
    if known is not None:
        return str(known)
    receipt_id = ids.new("rcp", at)
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    sql.run(
        "INSERT INTO receipt (id, task_id, fence, agent, sha256, body, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(receipt_id, task_id, fence, agent, sha256, text, at),
    )
    retention.added(sql, retention.RECEIPTS, len(text))
    return receipt_id


def get(sql: Sql, receipt_id: str) -> dict[str, Any] | None:
    row = sql.one("SELECT id, task_id, fence, agent, sha256, body, created_at FROM receipt WHERE id = ?", receipt_id)
    return _shown(*row) if row else None


def of_task(sql: Sql, task_id: str) -> list[dict[str, Any]]:
    rows = sql.all(
        """SELECT id, task_id, fence, agent, sha256, body, created_at FROM receipt WHERE task_id = ?
           ORDER BY created_at, id""",
        task_id,
    )
    return [_shown(*r) for r in rows]


def _shown(receipt_id: str, task_id: str, fence: int, agent: str, sha256: str, body: str, at: float) -> dict[str, Any]:
    return {
        "receipt_id": receipt_id,
        "task_id": task_id,
        "fence": fence,
        "agent_id": agent,
        "sha256": sha256,
        "receipt": json.loads(body),
        "created_at": at,
    }
