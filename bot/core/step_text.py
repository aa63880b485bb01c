"""What is said when a task cannot take the step that was wished for."""

from collections.abc import Sequence
from typing import Final

#: What was wished for, by the kind of the event that it would have been.
_WISHED: Final = {
    "hold_placed": "be held",
    "hold_lifted": "be released",
    "released": "be released",
    "cancelled": "be cancelled",
    "retry_requested": "be tried again",
    "approved": "be approved",
    "gate_approved": "be approved",
    "answered": "be answered",
}


def step_refused(state: str, kind: str) -> str:
    """``state`` "" = a task that does not exist yet."""
    here = {"review": "in review", "": "new"}.get(state, state)
    return f"A task that is {here} cannot {_WISHED.get(kind) or f'take the step {kind!r}'}."


def step_possible(states: Sequence[str]) -> str:
    named = ", ".join("in review" if state == "review" else state for state in states)
    return f"That is possible for a task that is: {named}." if named else "Read the task again."
