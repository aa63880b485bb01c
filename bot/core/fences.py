"""Whose word counts: only a task's newest attempt has a say, and a claim makes the next one."""

from typing import Final

from bot.core import events as e
from bot.core.errors import Refused
from bot.core.events import Event
from bot.core.states import State

#: The events that name their attempt.
_FENCED: Final = frozenset(kind for kind in e.KINDS.values() if "fence" in kind.__dataclass_fields__)


def check(event: Event, *, state: State, newest: int) -> None:
    """Raises Refused when ``event`` is an older attempt's; ``state`` and ``newest`` are the task's before it."""
    if type(event) not in _FENCED:
        return
    said: int = vars(event)["fence"]
    if isinstance(event, e.Claimed):
        right = said == newest + 1
    elif isinstance(event, e.GaveUp):  # 0: it was not an attempt that ended it
        right = said == newest or (said == 0 and not state.leased)
    else:
        right = said == newest
    if not right:
        raise Refused(
            f"Attempt {said} of this task is over (the task is {state.value}, attempt {newest}).",
            "Stop working on it and ask for a new task.",
            409,
            "stale_fence",
        )
