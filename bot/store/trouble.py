"""What an error of the database engine means to the person who runs it; the rest are bugs."""

import re
import sqlite3
from typing import Final

import peewee

from bot.core import damage_text
from bot.core import database_text as text
from bot.core.errors import Damaged, Refused, Unavailable

#: Words of SQLite's messages: damage that only a backup mends.
_DAMAGED: Final = ("malformed", "not a database")
_FULL: Final = ("is full", "disk I/O error")  # the latter, too, where no more fits beside the file
_NOT_UTF8: Final = re.compile("decode to UTF-8 column '([^']*)'")  # what follows is the text itself
_BUSY: Final = ("is locked", "is busy")
_CLOSED: Final = ("readonly database", "unable to open")


def explained(problem: BaseException | None) -> Refused | Unavailable | None:
    """What to tell instead of ``problem``; None when it is not the machine's fault."""
    while isinstance(problem, peewee.DatabaseError | sqlite3.DatabaseError):
        if told := _told(str(problem).partition("\n")[0]):
            return told
        problem = problem.__context__  # peewee hides a full disk behind its failed rollback
    return None


def _told(said: str) -> Refused | Unavailable | None:
    if any(words in said for words in _DAMAGED):
        return Refused(text.damaged(said), text.see_doctor_and_restore(), 500, "database_damaged")
    if found := _NOT_UTF8.search(said):
        return Damaged(text.damaged(damage_text.column_not_utf8(found[1])), damage_text.verify_and_restore())
    if any(words in said for words in _FULL):
        return Refused(text.database_unwritable(said), text.make_room(), 507, "disk_full")
    if any(words in said for words in _BUSY):
        return Unavailable(text.database_unwritable(said), retry_after=5)
    if any(words in said for words in _CLOSED):
        return Refused(text.database_closed(said), text.check_db_path(), 500, "database_closed")
    return None
