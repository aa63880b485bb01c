"""Texts by their digest (prompts, summaries): events name the digest, retention may empty the text."""

from bot.core import cleaning
from bot.store.dialect import Sql


def put(sql: Sql, text: str) -> str:
    """Keeps ``text`` (made storable) and returns its SHA-256."""
    kept = cleaning.storable(text)
    sha256 = cleaning.digest(kept)
    sql.run("INSERT INTO body (sha256, text) VALUES (?, ?) ON CONFLICT DO NOTHING", sha256, kept)
    return sha256


def get(sql: Sql, sha256: str) -> str:
    """ "" when it is not kept any more."""
    text = sql.value("SELECT text FROM body WHERE sha256 = ?", sha256)
    return str(text) if text is not None else ""
