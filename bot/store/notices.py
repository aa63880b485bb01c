"""What operators are to be told outside of the forge, one row per notice and destination, each until it is sent."""

import json
from dataclasses import asdict, dataclass
from itertools import groupby

from bot.core.notices import Kind, Notice
from bot.store.dialect import Row, Sql
from bot.store.wakeups import NOTICES


@dataclass(frozen=True)
class Pending:
    """``tries`` so far; ``made_at`` in epoch seconds."""

    id: str
    destination: str
    notice: Notice
    tries: int
    made_at: float


@dataclass(frozen=True)
class Standing:
    """How one destination fares: ``waiting`` notices; of these and of those given up since the last one that was
    sent, the most ``tries`` of one, and its ``error``."""

    destination: str
    waiting: int
    tries: int
    error: str


def put(sql: Sql, destination: str, notice: Notice, at: float) -> bool:
    """False when this destination was told, or is to be told, of this cause already."""
    added = sql.run(
        """INSERT INTO notice (id, destination, severity, body, state, tries, next_at, made_at, sent_at, error)
           VALUES (?, ?, ?, ?, 'pending', 0, ?, ?, 0, '') ON CONFLICT (id) DO NOTHING""",
        *(notice.id_for(destination), destination, notice.severity.value, json.dumps(asdict(notice)), at, at),
    )
    sql.wake(NOTICES)
    return bool(added)


def due(sql: Sql, now: float, limit: int = 50) -> list[Pending]:
    rows = sql.all(
        """SELECT id, destination, body, tries, made_at FROM notice WHERE state = 'pending' AND next_at <= ?
           ORDER BY next_at, made_at, id LIMIT ?""",
        *(now, limit),
    )
    return [_pending(row) for row in rows]


def next_due(sql: Sql) -> float | None:
    at = sql.value("SELECT min(next_at) FROM notice WHERE state = 'pending'")
    return None if at is None else float(at)


def sent(sql: Sql, notice_id: str, at: float) -> None:
    sql.run("UPDATE notice SET state = 'sent', sent_at = ?, error = '' WHERE id = ?", at, notice_id)


def put_off(sql: Sql, notice_id: str, until: float) -> None:
    """Not before ``until``; that is no failed try."""
    sql.run("UPDATE notice SET next_at = ? WHERE id = ?", until, notice_id)


def again(sql: Sql, notice_id: str, at: float, error: str) -> None:
    sql.run("UPDATE notice SET tries = tries + 1, next_at = ?, error = ? WHERE id = ?", at, error, notice_id)


def dropped(sql: Sql, notice_id: str, error: str) -> None:
    """Kept for `doctor` to show until it is forgotten."""
    sql.run("UPDATE notice SET state = 'dead', error = ? WHERE id = ?", error, notice_id)


def standings(sql: Sql) -> list[Standing]:
    """Destinations that something waits for, or that were not told of something, with their worst."""
    rows = sql.all(
        """SELECT destination, state, tries, error FROM notice WHERE state = 'pending' OR state = 'dead' AND made_at >
           coalesce((SELECT max(good.sent_at) FROM notice AS good
                     WHERE good.destination = notice.destination AND good.state = 'sent'), 0)
           ORDER BY destination, tries, id"""
    )
    found = []
    for destination, those in groupby(rows, key=lambda row: str(row[0])):
        its = list(those)
        _, _, tries, error = its[-1]
        found.append(Standing(destination, sum(row[1] == "pending" for row in its), tries, error))
    return found


def forget(sql: Sql, before: float, limit: int = 1000) -> int:
    """Deletes what was made before ``before`` and is not waiting; returns how many, at most ``limit``."""
    return sql.run(
        """DELETE FROM notice WHERE id IN
           (SELECT id FROM notice WHERE state <> 'pending' AND made_at < ? ORDER BY made_at LIMIT ?)""",
        *(before, limit),
    )


def lasts(sql: Sql, name: str, at: float) -> tuple[float, bool]:
    """A condition that holds: since when, and whether it was told. Remembered over restarts."""
    row = sql.one("SELECT since, told FROM lasting WHERE name = ?", name)
    if row is None:
        sql.run("INSERT INTO lasting (name, since, told) VALUES (?, ?, 0)", name, at)
        return at, False
    return float(row[0]), bool(row[1])


def told(sql: Sql, name: str) -> None:
    sql.run("UPDATE lasting SET told = 1 WHERE name = ?", name)


def not_told(sql: Sql) -> None:
    """Forgets conditions that nobody was told of."""
    sql.run("DELETE FROM lasting WHERE told = 0")


def over(sql: Sql, name: str) -> tuple[float, bool] | None:
    """The condition has ended: since when it held and whether it was told; None when it did not hold."""
    rows = sql.all("DELETE FROM lasting WHERE name = ? RETURNING since, told", name)
    return (float(rows[0][0]), bool(rows[0][1])) if rows else None


def _pending(row: Row) -> Pending:
    body = json.loads(row[2])
    return Pending(row[0], row[1], Notice(**body | {"kind": Kind(body["kind"])}), row[3], row[4])
