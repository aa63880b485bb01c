"""Tasks and events to begin a test with."""

from dataclasses import replace
from typing import Any, Final

from bot.core import events as e
from bot.core import task
from bot.core.events import Event
from bot.core.reasons import Reason
from bot.core.states import State
from bot.core.task import Task

OPENED: Final[dict[str, Any]] = {
    "repo_id": 7,
    "issue": 12,
    "requirements": ("python",),
    "priority": 1,
    "trigger": "label",
    "asked_by": "ann",
    "asked_by_id": 3,
    "branch": "fleet/12-login",
    "generation": 1,
    "base": "main",
    "prompt_sha256": "ab",
    "max_retries": 2,
    "label_entry": 100,
}


def created(**changes: Any) -> e.TaskCreated:
    return e.TaskCreated(**{**OPENED, **changes})


def requested(**changes: Any) -> e.TaskRequested:
    return e.TaskRequested(**{**OPENED, **changes})


def of_each_kind(fence: int) -> list[Event]:
    """One event of every kind; ``fence`` is the attempt they speak of, and a claim makes the next one."""
    return [
        requested(),
        created(),
        e.Approved("bob", "cd"),
        e.ApprovalVoided("bob", "ce"),
        e.PrioritySet("bob", 0, 1),
        e.Said("bob", "cf"),
        e.DisplayRepaired("label", "fleet/done", "bob"),
        e.Rerouted(("rust",), 0, 101),
        e.Reserved("gpu-1"),
        e.HoldPlaced("manual", "wait"),
        e.HoldLifted("gate"),
        e.Released(),
        e.GateApproved("gate:cost", "bob", usd=5.0),
        e.Claimed(fence + 1, "gpu-1", "codex-cli", "host", "http_pull"),
        e.Started(fence),
        e.AttemptLost(fence, Reason.LOST, 180),
        e.AttemptFailed(fence, Reason.CRASHED, "boom", 99.0),
        e.BackoffEnded(),
        e.GaveUp(fence, Reason.TIMEOUT, ""),
        e.QuestionAsked(fence, "Which colour?", 7200.0),
        e.Answered("ann", "ef"),
        e.ResultAccepted(fence, "b" * 40, "h" * 40, 1, 2, 3, 4, "p", "s", "r"),
        e.ResultKept(
            fence, "b" * 40, "h" * 40, 1, 2, 3, 4, "p", "s", "r", ("db.sql",), "it changes `db.sql`", "x" * 64
        ),
        e.NothingToChange(fence, "It is there."),
        e.BranchPushed(fence, "h" * 40),
        e.PullRequestOpened(34),
        e.Merged(34, "bob", "m" * 40),
        e.PullRequestClosed(34),
        e.PullRequestReopened(34),
        e.Cancelled("api", "ann"),
        e.RetryRequested("ann", False, "fleet/12-login"),
        e.ReworkRequested("review", "bob", "gpu-1", "n" * 64, 7, (7,)),
        e.NothingToRework(fence, "It is right."),
        e.Escalated("checks", "count", "n" * 64, 7),
        e.ReviewsWait(1, "n" * 64, 8),
        e.ReadinessChanged("bob", "h" * 40),
    ]


def after(*events: Event, at: float = 1000.0) -> Task:
    """The task that these events make, one second apart."""
    found: Task | None = None
    for n, event in enumerate(events, 1):
        found = task.apply(found, "t_1", event, at + n, n)
    assert found is not None
    return found


def a_task(state: State = State.QUEUED, **changes: Any) -> Task:
    """A task in ``state``, brought there by force."""
    return replace(after(created()), state=state, **changes)
