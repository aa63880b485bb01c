"""One writer per process: all commands that wait are run in one transaction and committed once (group commit).

The first caller to come leads: it takes everything that waits, runs each command in a savepoint of its own (one bad
command does not spoil the others), commits, and wakes the callers. Alone, a command runs at once on its caller's
thread. Between processes a file lock keeps turns fair: SQLite's own busy handler starves those who wait.
"""

import contextlib
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from peewee import Database, OperationalError

from bot.core.errors import Unavailable
from bot.store.dialect import Sql

Command = Callable[[Sql], Any]

_BATCH: Final = 128


class _Item:
    def __init__(self, command: Command) -> None:
        self.command = command
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.turn = threading.Event()


class Writer:
    """``after_commit`` is called with the topics that the committed commands woke."""

    def __init__(self, db: Database, lock_path: Path, after_commit: Callable[[set[str]], None]) -> None:
        self._db = db
        self._after_commit = after_commit
        self._guard = threading.Lock()
        self._waiting: deque[_Item] = deque()
        self._led = False
        self._lock_fd = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        os.close(self._lock_fd)

    def write(self, command: Command) -> Any:
        """Runs ``command`` in a transaction and returns its result once that is durable.

        Raises what the command raised (nothing of it is kept then), or Unavailable when the database cannot
        be written.
        """
        item = _Item(command)
        with self._guard:
            self._waiting.append(item)
            leads, self._led = not self._led, True
        if not leads:
            try:
                item.turn.wait()
            except BaseException:
                self._leave(item)
                raise
        if not item.done:
            self._lead()
        if item.error is not None:
            raise item.error
        return item.result

    def _lead(self) -> None:
        """Runs one batch (it holds the leader's own command), then hands the lead to the next who waits."""
        with self._guard:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        try:
            self._run(batch)
        finally:
            for item in batch:
                item.done = True
                item.turn.set()
            with self._guard:
                self._hand_on()

    def _leave(self, item: _Item) -> None:
        """The caller was interrupted while it waited: its command is not run, and the lead it may have goes on."""
        with self._guard:
            if item in self._waiting:
                self._waiting.remove(item)
            if item.turn.is_set() and not item.done:
                self._hand_on()

    def _hand_on(self) -> None:
        """The lead goes to the next who waits, or to nobody; under the guard."""
        self._led = bool(self._waiting)
        if self._waiting:
            self._waiting[0].turn.set()

    def _run(self, batch: list[_Item]) -> None:
        sql = Sql(self._db)
        try:
            with self._db.connection_context(), self._turn(), self._db.atomic():
                if len(batch) == 1:
                    batch[0].result = batch[0].command(sql)
                else:
                    for item in batch:
                        self._run_one(item, sql)
        except BaseException as problem:  # the whole batch is rolled back: every caller must hear of it
            for item in batch:
                item.error = item.error or _explained(problem)
            if not isinstance(problem, Exception):
                raise
            return
        self._after_commit(sql.woken)

    def _run_one(self, item: _Item, sql: Sql) -> None:
        try:
            with self._db.savepoint():
                item.result = item.command(sql)
        except OperationalError:
            raise  # the engine cannot write: nothing of the batch can be kept
        except Exception as problem:  # noqa: BLE001 - handed to the caller whose command it was
            item.error = problem

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)


def _explained(problem: BaseException) -> BaseException:
    if isinstance(problem, OperationalError):
        cause = problem.__context__ or problem  # peewee hides a full disk behind its failed rollback
        error = Unavailable(f"The database cannot be written: {cause}.", retry_after=5)
        error.__cause__ = problem
        return error
    return problem
