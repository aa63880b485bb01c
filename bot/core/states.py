"""The states of a task, and the one table that says what may happen in each."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bot.core import events as e
from bot.core.events import Event


class State(StrEnum):
    REQUESTED = "requested"
    QUEUED = "queued"
    HELD = "held"
    ASSIGNED = "assigned"
    RUNNING = "running"
    WAITING = "waiting"
    REVIEW = "review"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in FINAL

    @property
    def leased(self) -> bool:
        return self in LEASED


FINAL: Final = frozenset({State.DONE, State.FAILED, State.CANCELLED})
LEASED: Final = frozenset({State.ASSIGNED, State.RUNNING})
ACTIVE: Final = tuple(s for s in State if s not in FINAL)

_NOT_STARTED: Final = (State.REQUESTED, State.QUEUED, State.HELD)


def _table() -> dict[tuple[State | None, type[Event]], State]:
    table: dict[tuple[State | None, type[Event]], State] = {
        (None, e.TaskRequested): State.REQUESTED,
        (None, e.TaskCreated): State.QUEUED,
        (State.REQUESTED, e.Approved): State.QUEUED,
        (State.QUEUED, e.BackoffEnded): State.QUEUED,
        (State.QUEUED, e.GaveUp): State.FAILED,
        (State.QUEUED, e.HoldPlaced): State.HELD,
        (State.HELD, e.HoldPlaced): State.HELD,
        (State.HELD, e.HoldLifted): State.HELD,
        (State.HELD, e.Released): State.QUEUED,
        (State.HELD, e.GateApproved): State.HELD,
        (State.HELD, e.ResultAccepted): State.REVIEW,  # it was kept until somebody approved it
        (State.QUEUED, e.Claimed): State.ASSIGNED,
        (State.ASSIGNED, e.Started): State.RUNNING,
        (State.WAITING, e.Answered): State.QUEUED,
        (State.WAITING, e.GaveUp): State.FAILED,
        (State.REVIEW, e.BranchPushed): State.REVIEW,
        (State.REVIEW, e.PullRequestOpened): State.REVIEW,
        (State.REVIEW, e.GaveUp): State.FAILED,
        (State.REVIEW, e.RetryRequested): State.QUEUED,
        (State.REVIEW, e.ReworkRequested): State.QUEUED,
        (State.REVIEW, e.Escalated): State.REVIEW,
        (State.REVIEW, e.ReviewsWait): State.REVIEW,
        (State.REVIEW, e.ReadinessChanged): State.REVIEW,
    }
    for state in _NOT_STARTED:
        table[state, e.Reserved] = state
        table[state, e.PrioritySet] = state
    for state in _NOT_STARTED:
        table[state, e.ApprovalVoided] = State.REQUESTED
    for state in State:
        table[state, e.DisplayRepaired] = state
    for state in LEASED:  # an agent's word about its attempt; a result may come without "running" before it
        table[state, e.AttemptLost] = State.QUEUED
        table[state, e.AttemptFailed] = State.QUEUED
        table[state, e.GaveUp] = State.FAILED
        table[state, e.QuestionAsked] = State.WAITING
        table[state, e.ResultAccepted] = State.REVIEW
        table[state, e.ResultKept] = State.HELD
        table[state, e.NothingToChange] = State.DONE
        table[state, e.Said] = state
        table[state, e.NothingToRework] = State.REVIEW
    for state in ACTIVE:
        table[state, e.Rerouted] = state
        table[state, e.Cancelled] = State.CANCELLED
        table[state, e.PullRequestClosed] = State.CANCELLED
    table[State.CANCELLED, e.PullRequestReopened] = State.REVIEW
    for state in State:
        if state is not State.DONE:  # people may merge whatever became of the task
            table[state, e.Merged] = State.DONE
        if state.final:
            table[state, e.RetryRequested] = State.QUEUED
    return table


#: What may happen to a task, and where it leads. Anything not listed is refused.
TRANSITIONS: Final[Mapping[tuple[State | None, type[Event]], State]] = _table()


#: The same by the names that events have in the log: where each leads from a state, or for a task that is new.
BY_KIND: Final[Mapping[State | None, Mapping[str, State]]] = {
    source: {event.kind: to for (state, event), to in TRANSITIONS.items() if state is source}
    for source in (None, *State)
}


def target(state: State | None, event: type[Event]) -> State | None:
    """Where ``event`` leads from ``state``; None when it is not allowed."""
    return TRANSITIONS.get((state, event))


def next_events(state: State) -> frozenset[type[Event]]:
    """Everything that may happen in ``state``."""
    return frozenset(event for (source, event) in TRANSITIONS if source is state)
