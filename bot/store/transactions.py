"""A write transaction on SQLite; ``bot.store.postgres`` has the one for PostgreSQL."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Collection, Iterator
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
    """Writes on the one connection of ``db``.

    Between processes a file lock keeps turns fair: SQLite's own busy handler starves those who wait. ``ring`` tells
    other processes which topics a commit woke.
    """

    def __init__(self, db: Any, lock_path: Path, ring: Callable[[Collection[str]], None]) -> None:
        self._db = db
        self._ring = ring
        self._lock_fd = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def run(self, work: Callable[[Sql], None]) -> set[str]:
        sql = Sql(self._db)
        try:
            with self._turn(), self._transaction(sql):
                work(sql)
                counters.keep(sql)
        except OperationalError as problem:
            raise Unavailable(f"The database cannot be written: {problem}.", retry_after=5) from problem
        self._ring(sql.woken)
        return sql.woken

    def close(self) -> None:
        os.close(self._lock_fd)

    @contextlib.contextmanager
    def _transaction(self, sql: Sql) -> Iterator[None]:
        try:
            sql.run("BEGIN IMMEDIATE")
            yield
            sql.run("COMMIT")
        except BaseException:
            if self._db.connection().in_transaction:  # SQLite itself ends one for which the disk is too full
                sql.run("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)
