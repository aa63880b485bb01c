"""A write transaction on SQLite; ``bot.store.postgres`` has the one for PostgreSQL."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from peewee import OperationalError

from bot.core.errors import Unavailable
from bot.store import counters
from bot.store.dialect import Sql


class Transactions(Protocol):
    """Runs work in one transaction after the other."""

    def run(self, work: Callable[[Sql], None]) -> set[str]:
        """Commits what ``work`` did, durably, and returns the topics it woke; when it raises, nothing is kept.

        ``work`` may be run again from the start when the engine gave up on a transaction of which nothing is kept.
        Raises Unavailable when the database cannot be written.
        """
        ...

    def close(self) -> None: ...


class OnSqlite:
    """Between processes a file lock keeps turns fair: SQLite's own busy handler starves those who wait."""

    def __init__(self, db: Any, lock_path: Path) -> None:
        self._db = db
        self._lock_fd = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def run(self, work: Callable[[Sql], None]) -> set[str]:
        sql = Sql(self._db)
        try:
            with self._db.connection_context(), self._turn(), self._db.atomic():
                work(sql)
                counters.keep(sql)
        except OperationalError as problem:
            cause = problem.__context__ or problem  # peewee hides a full disk behind its failed rollback
            raise Unavailable(f"The database cannot be written: {cause}.", retry_after=5) from problem
        return sql.woken

    def close(self) -> None:
        os.close(self._lock_fd)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)
