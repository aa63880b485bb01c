"""Every task anew from the log, as far as anybody asks."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bot.core import task
from bot.core.outline import Outline, outlines
from bot.core.task import Task
from bot.store import log
from bot.store.dialect import Sql


@dataclass(frozen=True)
class Replayed:
    """A task by the kinds of its events; what they say is read when somebody asks for ``task``."""

    outline: Outline
    _sql: Sql

    @cached_property
    def task(self) -> Task | None:
        """The fold of the same events, to be asked for while the log is being read.

        Raises what a fold raises: Damaged for an event that cannot be read, Refused for one that is not possible.
        """
        told = self.outline
        return task.fold(one for one in log.of_task(self._sql, told.task_id) if one.n <= told.version)


def replay(sql: Sql) -> Iterator[Replayed]:
    """Every task of the log in the order of their ids; the kinds of the events are all that is read."""
    return (Replayed(told, sql) for told in outlines(log.steps(sql)))
