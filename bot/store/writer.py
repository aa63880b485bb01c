"""One writer per process: all commands that wait are run in one transaction and committed once (group commit).

The first caller to come leads: it takes everything that waits, runs it, commits, and wakes the callers. When a command
fails, all are rolled back and run again, each in a savepoint of its own: one bad command does not spoil the others.
Alone, a command runs at once on its caller's thread.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from peewee import OperationalError

from bot.core.errors import Unavailable
from bot.store.dialect import Lost, Sql
from bot.store.transactions import Transactions

Command = Callable[[Sql], Any]

_BATCH: Final = 128
#: After a batch with a command that failed, for so many batches each command is guarded from the others at once.
_CAREFUL: Final = 32


class _Spoilt(Exception):
    """One command of several could not do its part."""


class _Item:
    """A command and its caller, who waits at a lock that is held until the call: cheaper than an Event."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.called = False
        self._call = threading.Lock()
        self._call.acquire()

    def wait(self) -> None:
        """Once."""
        self._call.acquire()

    def call(self) -> None:
        """Wakes the caller; a second time changes nothing. Under the writer's guard."""
        if not self.called:
            self.called = True
            self._call.release()


class Writer:
    """``after_commit`` is called with the topics that the committed commands woke."""

    def __init__(self, transactions: Transactions, after_commit: Callable[[set[str]], None]) -> None:
        self._transactions = transactions
        self._after_commit = after_commit
        self._guard = threading.Lock()
        self._waiting: deque[_Item] = deque()
        self._led = False
        self._careful = 0

    def close(self) -> None:
        self._transactions.close()

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
                item.wait()
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
            with self._guard:
                for item in batch:
                    item.done = True
                    item.call()
                self._hand_on()

    def _leave(self, item: _Item) -> None:
        """The caller was interrupted while it waited: its command is not run, and the lead it may have goes on."""
        with self._guard:
            if item in self._waiting:
                self._waiting.remove(item)
            if item.called and not item.done:
                self._hand_on()

    def _hand_on(self) -> None:
        """The lead goes to the next who waits, or to nobody; under the guard."""
        self._led = bool(self._waiting)
        if self._waiting:
            self._waiting[0].call()

    def _run(self, batch: list[_Item]) -> None:
        try:
            woken = self._kept(batch)
        except BaseException as problem:  # the whole batch is rolled back: every caller must hear of it
            for item in batch:
                item.error = item.error or problem
            if not isinstance(problem, Exception):
                raise
            return
        self._after_commit(woken)

    def _kept(self, batch: list[_Item]) -> set[str]:
        """The topics woken. That none fails is trusted at first.

        A savepoint copies every page that is changed after it; with a server it is one more message to and fro.
        """
        try:
            return self._transactions.run(lambda sql: self._all(batch, sql))
        except Unavailable:
            raise
        except Exception:
            if len(batch) == 1:
                raise
        self._careful = _CAREFUL  # whose it is turns out now
        return self._transactions.run(lambda sql: self._each(batch, sql))

    def _all(self, batch: list[_Item], sql: Sql) -> None:
        if len(batch) == 1:
            batch[0].result = batch[0].command(sql)
        elif self._careful:
            self._careful -= 1
            self._each(batch, sql)
        else:
            for item in batch:
                try:
                    item.result = item.command(sql)
                except Unavailable as problem:  # the command says so, not the database
                    raise _Spoilt from problem

    def _each(self, batch: list[_Item], sql: Sql) -> None:
        for item in batch:
            self._run_one(item, sql)

    def _run_one(self, item: _Item, sql: Sql) -> None:
        item.error = None  # of a transaction that the engine gave up
        try:
            with sql.savepoint():
                item.result = item.command(sql)
        except (OperationalError, Lost):
            raise  # the engine cannot write: nothing of the batch can be kept
        except Exception as problem:  # noqa: BLE001 - handed to the caller whose command it was
            item.error = problem
