"""Opening the database, reading, writing, migrating."""

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

from playhouse.migrations import Migration, Runner

from bot.core import database_text as text
from bot.core.errors import Refused
from bot.store.dialect import Sql
from bot.store.engines import Engine, Where, engine, for_looking, for_migrating, shown
from bot.store.leading import Lead
from bot.store.tally import Tally
from bot.store.wakeups import CHANGED, TOPICS, Wakeups
from bot.store.writer import Writer

T = TypeVar("T")

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


class Store:
    """One database, used by any number of threads; made after a fork, never before."""

    def __init__(self, on: Engine, where: Where) -> None:
        self._engine = on
        self.where = where
        self.wakeups = Wakeups()
        self._writer = Writer(on.transactions(shared=False), self._committed)
        self._shared = Writer(on.transactions(shared=True), self._committed) if on.many_writers else self._writer
        self.tally = Tally(lambda command: self.write(command))

    def write(self, command: Callable[[Sql], T], *, shared: bool = False) -> T:
        """Runs ``command`` in a transaction, together with others that wait; returns when it is durable.

        The command must only talk to the database: it runs while others wait, and once more when nothing was kept
        because another one failed or, on PostgreSQL, the connection broke. Raises what it raised (and then keeps
        nothing of it) or Unavailable when the database cannot be written. ``shared``: it locks the rows that it
        decides by, so that where the engine can, commands like it run at the same time; all others run alone.
        """
        result: T = (self._shared if shared else self._writer).write(command)
        return result

    def read(self, query: Callable[[Sql], T], *, steady: bool = False) -> T:
        """Runs ``query`` on a connection of its own; it must not write.

        ``steady``: all of its statements see the database as it is at one moment, whoever writes meanwhile. For what
        compares; and it must not dawdle, or PostgreSQL throws it out.
        """
        result: T = self._engine.read(query, steady=steady)
        return result

    def clock(self) -> float:
        """Seconds since the epoch: with PostgreSQL the server's, so that leases hold on machines with other clocks."""
        return self._engine.now()

    def watch_other_processes(self, topics: Collection[str] = TOPICS) -> None:
        """From now on commits of other processes wake waiters of this one, at once those who wait for ``topics``."""
        self._engine.watch(self.wakeups, topics)

    def lead(self) -> Lead:
        """What the one worker holds that works."""
        return self._engine.lead()

    def led(self) -> bool:
        """Whether a worker works on this database; asking keeps none from starting."""
        return self._engine.led()

    def close(self) -> None:
        self.wakeups.close()
        self.tally.close()
        self._writer.close()
        if self._shared is not self._writer:
            self._shared.close()
        self._engine.close()

    def _committed(self, topics: set[str]) -> None:
        self.wakeups.signal({*topics, CHANGED})


def open_store(where: Where) -> Store:
    """The store there. Raises Refused when its schema is older or newer than this program's, or there is none."""
    if isinstance(where, Path) and not where.exists():
        raise Refused(text.no_database(str(where)), text.run_migrate_or_serve(), 500, "no_database")
    with for_looking(where) as db:
        _check(Runner(db, str(MIGRATIONS)), where)
    return Store(engine(where), where)


def migrate(where: Where) -> list[str]:
    """Applies what is missing of ``migrations/`` under a lock; returns the names applied.

    Raises Refused when the database was written by a newer version.
    """
    if isinstance(where, Path):
        _make(where)
    with for_migrating(where) as db:
        runner = Runner(db, str(MIGRATIONS))
        _refuse_newer(runner, where)
        return list(runner.up())


def pending(where: Where) -> list[str]:
    """Names of migrations that are not applied yet; makes nothing. Raises Refused for a newer database."""
    if isinstance(where, Path) and not where.exists():
        return _all_names()
    with for_looking(where) as db:
        runner = Runner(db, str(MIGRATIONS))
        _refuse_newer(runner, where)
        return [m.name for m in runner.status() if not m.applied]


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # it holds tokens' digests and issues
    except OSError as problem:
        why = problem.strerror or str(problem)
        raise Refused(text.cannot_be_made(str(path), why), text.check_db_path(), 500, "no_database") from problem


def _check(runner: Runner, where: Where) -> None:
    _refuse_newer(runner, where)
    missing = [m.name for m in runner.status() if not m.applied]
    if missing:
        raise Refused(text.too_old(shown(where), missing), "Run `agent-fleet migrate`.", 500, "schema_old")


def _all_names() -> list[str]:
    return [m.name for m in Migration.load_directory(str(MIGRATIONS))]


def _refuse_newer(runner: Runner, where: Where) -> None:
    unknown = [m.name for m in runner.status() if m.path is None]
    if unknown:
        raise Refused(text.too_new(shown(where), unknown), text.start_newer(), 500, "schema_new")
