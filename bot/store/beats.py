"""When each background loop last came round, and which of them fail."""

from typing import Final

from bot.store.dialect import Sql

#: What fails is kept beside the beats, its name behind this.
_FAILS: Final = "fails: "


def beat(sql: Sql, name: str, at: float) -> None:
    sql.run("INSERT INTO beat (name, at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at", name, at)


def ages(sql: Sql, now: float) -> dict[str, float]:
    """Seconds since each loop's last beat."""
    return {name: secs for name, secs in _secs(sql, now).items() if not name.startswith(_FAILS)}


def fails(sql: Sql, name: str, at: float) -> None:
    """``name`` failed, not for the first time perhaps: since when is kept."""
    sql.run("INSERT INTO beat (name, at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", _FAILS + name, at)


def went_well(sql: Sql, name: str) -> None:
    sql.run("DELETE FROM beat WHERE name = ?", _FAILS + name)


def forget_failures(sql: Sql) -> None:
    """For a worker that begins: what still fails will do so again."""
    for name in failing(sql, 0.0):
        went_well(sql, name)


def failing(sql: Sql, now: float) -> dict[str, float]:
    """What failed and has not gone well since, and for how many seconds."""
    return {name.removeprefix(_FAILS): secs for name, secs in _secs(sql, now).items() if name.startswith(_FAILS)}


def _secs(sql: Sql, now: float) -> dict[str, float]:
    return {name: max(0.0, now - at) for name, at in sql.all("SELECT name, at FROM beat ORDER BY name")}
