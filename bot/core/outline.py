"""What a log tells of its tasks by the kinds of their events alone: nothing of what they say is looked at."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from bot.core.states import BY_KIND, State

#: A task's id, the number of an event within it, when it happened, and its kind.
Step = tuple[str, int, float, str]

_QUEUED: Final = State.QUEUED
_ASSIGNED: Final = State.ASSIGNED
#: After a step that is not possible nothing is known.
_NOWHERE: Final[Mapping[str, State]] = {}


class Outline(NamedTuple):
    """As much of a `Task`; ``state`` is the last sound one when ``impossible`` is set, None when there was none.

    ``missing`` are the gaps in the log's numbers, each by its first and last; ``impossible`` is the first event that
    its task's state does not allow. That an attempt's number fits is not to be seen from here.
    """

    task_id: str
    state: State | None
    version: int
    fence: int
    created_at: float
    queued_at: float
    changed_at: float
    missing: tuple[tuple[int, int], ...] = ()
    impossible: tuple[int, str] | None = None


def outlines(steps: Iterable[Step]) -> Iterator[Outline]:
    """Every task once. ``steps`` come grouped by task, oldest first."""
    current: str | None = None
    state: State | None = None
    moves = BY_KIND[None]
    version = fence = 0
    created_at = queued_at = changed_at = 0.0
    missing: tuple[tuple[int, int], ...] = ()
    impossible: tuple[int, str] | None = None
    for task_id, n, at, kind in steps:
        if task_id != current:
            if current is not None:
                yield Outline(current, state, version, fence, created_at, queued_at, changed_at, missing, impossible)
            current, state, moves, version, fence, missing, impossible = task_id, None, BY_KIND[None], 0, 0, (), None
            created_at = queued_at = at
        version += 1
        if n != version:
            missing += ((version, n - 1),)
            version = n
        changed_at = at
        after = moves.get(kind)
        if after is None:
            impossible, moves = impossible or (n, kind), _NOWHERE
            continue
        if after is state:
            continue
        if after is _QUEUED:
            queued_at = at
        elif after is _ASSIGNED:  # only a claim leads there
            fence += 1
        state, moves = after, BY_KIND[after]
    if current is not None:
        yield Outline(current, state, version, fence, created_at, queued_at, changed_at, missing, impossible)
