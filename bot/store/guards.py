"""The triggers that keep the log and the signed receipts from being changed."""

from typing import Final

from bot.store.dialect import Sql

_GUARDS: Final = tuple(f"{table}_no_{deed}" for table in ("event", "signed_receipt") for deed in ("update", "delete"))
_ON_POSTGRES: Final = """SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = current_schema()::regnamespace AND tgenabled <> 'D'"""


def missing(sql: Sql) -> list[str]:
    """Those that are gone, or (PostgreSQL) switched off."""
    asked = _ON_POSTGRES if sql.many_writers else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    there = {row[0] for row in sql.all(asked)}
    return [name for name in _GUARDS if name not in there]
