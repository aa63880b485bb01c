"""When each background loop last came round."""

from bot.store.dialect import Sql


def beat(sql: Sql, name: str, at: float) -> None:
    sql.run("INSERT INTO beat (name, at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at", name, at)


def ages(sql: Sql, now: float) -> dict[str, float]:
    """Seconds since each loop's last beat."""
    return {name: max(0.0, now - at) for name, at in sql.all("SELECT name, at FROM beat")}
