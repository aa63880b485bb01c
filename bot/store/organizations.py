"""Organisations whose repositories are served by one webhook, as `setup --org` has made them."""

from bot.store.dialect import Sql


def put(sql: Sql, name: str, at: float) -> None:
    sql.run("INSERT INTO organization (name, since) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", name.lower(), at)


def forget(sql: Sql, name: str) -> bool:
    """False when it was not set up."""
    return bool(sql.run("DELETE FROM organization WHERE name = ?", name.lower()))


def listed(sql: Sql) -> list[str]:
    """In lower case, as the forge takes any."""
    return [row[0] for row in sql.all("SELECT name FROM organization ORDER BY name")]


def serves(sql: Sql, full_name: str) -> bool:
    """Whether the owner of the repository ``owner/name`` is one of them."""
    owner = full_name.partition("/")[0].lower()
    return sql.value("SELECT 1 FROM organization WHERE name = ?", owner) is not None
