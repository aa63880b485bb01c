"""Hosts that somebody wants looked at now, and what the last look found."""

from dataclasses import dataclass

from bot.core import cleaning
from bot.store.dialect import Sql
from bot.store.wakeups import WORK


@dataclass(frozen=True)
class HostCheck:
    """``done_at`` 0 = it is being waited for. Epoch seconds."""

    host: str
    asked_by: str
    asked_at: float
    done_at: float
    good: bool
    said: str


def ask(sql: Sql, host: str, by: str, at: float) -> None:
    """Whoever asks meanwhile waits for the same look."""
    sql.run(
        """INSERT INTO host_check (host, asked_by, asked_at, done_at, good, said) VALUES (?, ?, ?, 0, 0, '')
           ON CONFLICT (host) DO UPDATE SET asked_by = excluded.asked_by, asked_at = excluded.asked_at, done_at = 0,
           good = 0, said = ''""",
        *(host, by, at),
    )
    sql.wake(WORK)


def waiting(sql: Sql) -> list[str]:
    return [str(row[0]) for row in sql.all("SELECT host FROM host_check WHERE done_at = 0 ORDER BY host")]


def done(sql: Sql, host: str, *, good: bool, said: str, at: float) -> None:
    sql.run(
        "UPDATE host_check SET done_at = ?, good = ?, said = ? WHERE host = ?",
        *(at, int(good), cleaning.storable(said, 2000), host),
    )


def listed(sql: Sql) -> dict[str, HostCheck]:
    rows = sql.all("SELECT host, asked_by, asked_at, done_at, good, said FROM host_check")
    return {row[0]: HostCheck(row[0], row[1], row[2], row[3], bool(row[4]), row[5]) for row in rows}
