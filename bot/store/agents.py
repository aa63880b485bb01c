"""Agents that have registered, and their signs of life."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.core.matching import Candidate
from bot.store.dialect import Row, Sql
from bot.store.wakeups import WORK

_COLUMNS: Final = (
    "id, agent_type, capabilities, max_concurrency, host, mode, status, registered_at, last_seen, version, meta, "
    "lost_tasks"
)

ONLINE: Final = "online"
DRAINING: Final = "draining"
OFFLINE: Final = "offline"
#: It has said good-bye; only registering again brings it back.
GONE: Final = "gone"


@dataclass(frozen=True)
class Agent:
    """``status`` is online, draining (finishes, takes nothing new) or offline; ``mode`` how it runs (http_pull …).

    ``lost_tasks`` are not leased to it again before it registers anew (decision 26).
    """

    id: str
    agent_type: str
    capabilities: tuple[str, ...]
    max_concurrency: int
    host: str
    mode: str
    status: str
    registered_at: float
    last_seen: float
    version: str
    meta: dict[str, Any]
    lost_tasks: tuple[str, ...]

    def candidate(self, repos: Sequence[str] = ()) -> Candidate:
        """As matching sees it; ``repos`` are the globs that its token is bound to."""
        return Candidate(self.id, self.agent_type, frozenset(self.capabilities), tuple(repos))


def register(sql: Sql, agent: Agent) -> bool:
    """Writes the agent, new or again; True when it is new."""
    new = find(sql, agent.id) is None
    values = (
        *(agent.id, agent.agent_type, json.dumps(sorted(agent.capabilities)), agent.max_concurrency, agent.host),
        *(agent.mode, agent.status, agent.registered_at, agent.last_seen, agent.version),
        *(json.dumps(agent.meta, ensure_ascii=False), json.dumps(agent.lost_tasks)),
    )
    sql.run(
        f"""INSERT INTO agent ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET agent_type = excluded.agent_type, capabilities = excluded.capabilities,
            max_concurrency = excluded.max_concurrency, host = excluded.host, mode = excluded.mode,
            status = excluded.status, last_seen = excluded.last_seen, version = excluded.version,
            meta = excluded.meta, lost_tasks = excluded.lost_tasks""",
        *values,
    )
    sql.wake(WORK)
    return new


def find(sql: Sql, agent_id: str) -> Agent | None:
    row = sql.one(f"SELECT {_COLUMNS} FROM agent WHERE id = ?", agent_id)
    return _agent(row) if row else None


def lock(sql: Sql, agent_id: str) -> None:
    """Until the transaction's end nobody else claims for this agent: what it may still take is counted, then used."""
    if sql.many_writers:
        sql.later("SELECT 1 FROM agent WHERE id = ? FOR UPDATE", agent_id)


def listed(sql: Sql) -> list[Agent]:
    return [_agent(r) for r in sql.all(f"SELECT {_COLUMNS} FROM agent ORDER BY id")]


def seen(sql: Sql, agent_id: str, at: float, status: str | None = None) -> None:
    """A sign of life; an offline agent is online again."""
    sql.later(
        """UPDATE agent SET last_seen = max(last_seen, ?),
           status = CASE WHEN ? <> '' THEN ? WHEN status = 'offline' THEN 'online' ELSE status END WHERE id = ?""",
        *(at, status or "", status or "", agent_id),
    )


def silent_since(sql: Sql, before: float) -> list[Agent]:
    """Those not offline whose last sign of life is older than ``before``."""
    rows = sql.all(
        f"SELECT {_COLUMNS} FROM agent WHERE status NOT IN ('offline', 'gone') AND last_seen < ? ORDER BY id", before
    )
    return [_agent(r) for r in rows]


def set_status(sql: Sql, agent_id: str, status: str) -> None:
    sql.run("UPDATE agent SET status = ? WHERE id = ?", status, agent_id)


def remember_lost(sql: Sql, agent_id: str, task_id: str) -> None:
    agent = find(sql, agent_id)
    if agent and task_id not in agent.lost_tasks:
        lost = json.dumps([*agent.lost_tasks, task_id][-100:])
        sql.run("UPDATE agent SET lost_tasks = ? WHERE id = ?", lost, agent_id)


def _agent(row: Row) -> Agent:
    values = list(row)
    values[2] = tuple(json.loads(values[2]))
    values[10] = json.loads(values[10])
    values[11] = tuple(json.loads(values[11]))
    return Agent(*values)
