"""What the forge is to be made to show, one row per target; a newer wish replaces an unsent older one."""

import json
from dataclasses import dataclass
from typing import Any

from bot.store.dialect import Row, Sql
from bot.store.wakeups import OUTBOX


@dataclass(frozen=True)
class Wish:
    """``known`` is what was learnt when it was last fulfilled (a comment's id …); ``tries`` since the wish changed."""

    target: str
    kind: str
    task_id: str
    wish: dict[str, Any]
    version: int
    tries: int
    wished_at: float
    sent_at: float
    known: dict[str, Any]


def wish(
    sql: Sql, target: str, kind: str, task_id: str, what: dict[str, Any], *, at: float, min_interval_secs: float = 0.0
) -> bool:
    """Asks for ``what`` at ``target``; nothing happens when that is already there or already asked for.

    ``min_interval_secs``: not sooner after the last time than this. Returns True when something is to be done.
    """
    text = json.dumps(what, sort_keys=True, ensure_ascii=False)
    row = sql.one("SELECT wish, state, sent_at, sent FROM outbox WHERE target = ?", target)
    if row is None:
        sql.run(
            """INSERT INTO outbox (target, kind, task_id, wish, version, sent, state, tries, next_at, wished_at,
               sent_at, known, error) VALUES (?, ?, ?, ?, 1, '', 'pending', 0, ?, ?, 0, '{}', '')""",
            *(target, kind, task_id, text, at, at),
        )
    elif row[0] == text and row[1] in ("pending", "sent"):
        return False
    else:
        sql.run(
            """UPDATE outbox SET kind = ?, task_id = ?, wish = ?, version = version + 1, state = 'pending', tries = 0,
               next_at = CASE WHEN state = 'pending' THEN max(next_at, ?) ELSE ? END, wished_at = ?, error = ''
               WHERE target = ?""",
            *(kind, task_id, text, *[max(at, row[2] + min_interval_secs)] * 2, at, target),
        )
    sql.wake(OUTBOX)
    return True


def due(sql: Sql, now: float, limit: int = 50) -> list[Wish]:
    rows = sql.all(
        """SELECT target, kind, task_id, wish, version, tries, wished_at, sent_at, known FROM outbox
           WHERE state = 'pending' AND next_at <= ? ORDER BY next_at, wished_at, target LIMIT ?""",
        *(now, limit),
    )
    return [_wish(r) for r in rows]


def sent(sql: Sql, target: str, version: int, known: dict[str, Any], at: float) -> None:
    """Fulfilled; when a newer wish came meanwhile, that one is still to be done."""
    sql.run(
        """UPDATE outbox SET known = ?, sent_at = ?, sent = CASE WHEN version = ? THEN wish ELSE sent END,
           state = CASE WHEN version = ? THEN 'sent' ELSE state END, tries = 0, error = '' WHERE target = ?""",
        *(json.dumps(known, sort_keys=True), at, version, version, target),
    )


def again(sql: Sql, target: str, version: int, at: float, error: str) -> None:
    sql.run(
        """UPDATE outbox SET tries = tries + 1, next_at = ?, error = ? WHERE target = ? AND version = ?""",
        *(at, error, target, version),
    )


def dropped(sql: Sql, target: str, version: int, error: str) -> None:
    """Cannot be done or is not wanted any more; a newer wish is not touched."""
    sql.run("UPDATE outbox SET state = 'dead', error = ? WHERE target = ? AND version = ?", error, target, version)


def forget_sent(sql: Sql, target: str) -> bool:
    """Somebody changed on the forge what we had put there: ask for it again. False when it is asked for already."""
    changed = sql.run("UPDATE outbox SET state = 'pending', next_at = 0 WHERE target = ? AND state = 'sent'", target)
    sql.wake(OUTBOX)
    return bool(changed)


def check_again(sql: Sql, target: str, at: float) -> None:
    """Look whether it is still there as it was put, and put it again if not."""
    sql.run(
        "UPDATE outbox SET state = 'pending', tries = 1, next_at = ? WHERE target = ? AND state = 'sent'", at, target
    )
    sql.wake(OUTBOX)


def find(sql: Sql, target: str) -> Wish | None:
    row = sql.one(
        "SELECT target, kind, task_id, wish, version, tries, wished_at, sent_at, known FROM outbox WHERE target = ?",
        target,
    )
    return _wish(row) if row else None


def next_due(sql: Sql) -> float | None:
    at = sql.value("SELECT min(next_at) FROM outbox WHERE state = 'pending'")
    return None if at is None else float(at)


def pending(sql: Sql) -> list[tuple[str, int, str]]:
    """(target, tries, last error) of everything not done yet."""
    rows = sql.all("SELECT target, tries, error FROM outbox WHERE state = 'pending' ORDER BY target")
    return [(r[0], r[1], r[2]) for r in rows]


def _wish(row: Row) -> Wish:
    return Wish(row[0], row[1], row[2], json.loads(row[3]), row[4], row[5], row[6], row[7], json.loads(row[8]))
