"""What people did that belongs to no task: agents, hosts, tokens. Rows are added and never changed."""

from dataclasses import dataclass

from bot.core import cleaning
from bot.store.dialect import Sql


@dataclass(frozen=True)
class Deed:
    """``person`` did ``deed`` to ``subject``; ``at`` is epoch seconds."""

    id: int
    at: float
    person: str
    deed: str
    subject: str
    detail: str


def note(sql: Sql, at: float, person: str, deed: str, subject: str, detail: str = "") -> None:
    """In the transaction of what was done."""
    said = (cleaning.storable(part, 1000) for part in (person, deed, subject, detail))
    sql.run("INSERT INTO audit (at, person, deed, subject, detail) VALUES (?, ?, ?, ?, ?)", at, *said)


def newest(sql: Sql, before_id: int = 0, limit: int = 50) -> list[Deed]:
    """Newest first, of those before ``before_id`` (0 = from the newest on)."""
    rows = sql.all(
        "SELECT id, at, person, deed, subject, detail FROM audit WHERE (id < ? OR ? = 0) ORDER BY id DESC LIMIT ?",
        *(before_id, before_id, limit),
    )
    return [Deed(*row) for row in rows]
