"""Webhooks as they came, until they are dealt with."""

from dataclasses import dataclass

from bot.store import counters, retention
from bot.store.dialect import Sql
from bot.store.wakeups import INBOX


@dataclass(frozen=True)
class Delivery:
    id: int
    delivery: str
    event_type: str
    body: bytes
    received_at: float
    tries: int


def put(sql: Sql, delivery: str, event_type: str, body: bytes, at: float) -> tuple[int, bool]:
    """Stores a delivery; returns its id and whether it is new (the forge's delivery id is the key)."""
    rows = sql.all(
        """INSERT INTO inbox (delivery, event_type, body, received_at, state, tries, next_at, error)
           VALUES (?, ?, ?, ?, 'new', 0, ?, '') ON CONFLICT (delivery) DO NOTHING RETURNING id""",
        *(delivery, event_type, body, at, at),
    )
    if not rows:
        counters.add(sql, counters.WEBHOOKS, "duplicate")
        return int(sql.value("SELECT id FROM inbox WHERE delivery = ?", delivery)), False
    counters.add(sql, counters.WEBHOOKS, "accepted")
    retention.added(sql, retention.PAYLOADS, len(body))
    sql.wake(INBOX)
    return int(rows[0][0]), True


def due(sql: Sql, now: float, limit: int = 50) -> list[Delivery]:
    """Those to be dealt with now, in the order in which they came."""
    rows = sql.all(
        """SELECT id, delivery, event_type, body, received_at, tries FROM inbox
           WHERE state = 'new' AND next_at <= ? ORDER BY next_at, id LIMIT ?""",
        *(now, limit),
    )
    return sorted((Delivery(r[0], r[1], r[2], bytes(r[3]), r[4], r[5]) for r in rows), key=lambda d: d.id)


def newest_id(sql: Sql) -> int:
    """The id of the newest delivery, 0 for none."""
    return int(sql.value("SELECT max(id) FROM inbox") or 0)


def newest_at(sql: Sql) -> float:
    """When the newest webhook came, 0 for never; our own notes in the inbox do not count."""
    return float(sql.value("SELECT max(received_at) FROM inbox WHERE event_type NOT LIKE 'fleet!_%' ESCAPE '!'") or 0.0)


def after(sql: Sql, inbox_id: int, event_type: str, limit: int = 100) -> list[Delivery]:
    """Deliveries of one type that came after ``inbox_id``, dealt with or not."""
    rows = sql.all(
        """SELECT id, delivery, event_type, body, received_at, tries FROM inbox
           WHERE id > ? AND event_type = ? ORDER BY id LIMIT ?""",
        *(inbox_id, event_type, limit),
    )
    return [Delivery(r[0], r[1], r[2], bytes(r[3]), r[4], r[5]) for r in rows]


def done(sql: Sql, inbox_id: int) -> None:
    sql.run("UPDATE inbox SET state = 'done', error = '' WHERE id = ?", inbox_id)


def again(sql: Sql, inbox_id: int, at: float, error: str) -> None:
    """To be tried again at ``at``; nothing signed is ever dropped."""
    sql.run("UPDATE inbox SET tries = tries + 1, next_at = ?, error = ? WHERE id = ?", at, error, inbox_id)


def dead(sql: Sql, inbox_id: int, error: str) -> None:
    """A bug of ours keeps it from being dealt with: kept for `doctor` and a person to look at."""
    sql.run("UPDATE inbox SET state = 'dead', tries = tries + 1, error = ? WHERE id = ?", error, inbox_id)


def forget_done(sql: Sql, before: float, limit: int = 1000) -> int:
    """Deletes those dealt with that came before ``before``, oldest first; returns how many, at most ``limit``."""
    gone = sql.all(
        """DELETE FROM inbox WHERE id IN
           (SELECT id FROM inbox WHERE state = 'done' AND received_at < ? ORDER BY id LIMIT ?)
           RETURNING length(body)""",
        *(before, limit),
    )
    return retention.took(sql, retention.PAYLOADS, gone)


def next_due(sql: Sql) -> float | None:
    at = sql.value("SELECT min(next_at) FROM inbox WHERE state = 'new'")
    return None if at is None else float(at)


def put_aside(sql: Sql) -> list[tuple[int, str]]:
    """(id, error) of deliveries that our own code failed on."""
    return [(r[0], r[1]) for r in sql.all("SELECT id, error FROM inbox WHERE state = 'dead' ORDER BY id")]
