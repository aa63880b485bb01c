"""How each configured host stands, as its supervisor last saw it."""

from dataclasses import dataclass
from typing import Final

from bot.store.dialect import Sql

UP: Final = "up"
UNREACHABLE: Final = "unreachable"
#: It failed too often in a row, or may not be trusted: no work for a while.
QUARANTINED: Final = "quarantined"


@dataclass(frozen=True)
class HostState:
    """``since``: when it came to this state; ``seen_at``: when it last answered (0 = never). Epoch seconds."""

    host: str
    state: str
    why: str
    since: float
    seen_at: float


def put(sql: Sql, host: str, state: str, why: str, at: float) -> None:
    sql.run(
        """INSERT INTO host (id, state, why, since, seen_at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET why = excluded.why,
           since = CASE WHEN host.state = excluded.state THEN host.since ELSE excluded.since END,
           seen_at = max(host.seen_at, excluded.seen_at), state = excluded.state""",
        *(host, state, why, at, at if state == UP else 0.0),
    )


def listed(sql: Sql) -> list[HostState]:
    return [HostState(*row) for row in sql.all("SELECT id, state, why, since, seen_at FROM host ORDER BY id")]


def forget_others(sql: Sql, configured: list[str]) -> None:
    """Hosts that the configuration does not name any more."""
    for state in listed(sql):
        if state.host not in configured:
            sql.run("DELETE FROM host WHERE id = ?", state.host)
