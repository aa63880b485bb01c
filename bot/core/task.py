"""A task: what its events make of it. Its states, and what may happen in each, are in ``states``."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.core import events as e
from bot.core import fences, gates, rework
from bot.core import step_text as text
from bot.core.errors import Refused
from bot.core.events import Event
from bot.core.reasons import Reason
from bot.core.recorded import Recorded
from bot.core.states import LEASED, State, target


@dataclass(frozen=True)
class Task:
    """One issue's piece of work: the fold of its events, nothing else.

    ``fence`` numbers the attempts, from 1; ``failures`` counts those that cost one since it was last asked for,
    ``lost`` the runs lost in a row. ``not_before`` > 0 keeps it out of the queue (backing off).
    ``resuming``: reserved for the agent that had asked, not by a person's wish.
    ``pushed_sha`` is the branch's tip as we pushed it, ``head_sha`` the accepted result's.
    ``approved_by`` is set while the prompt is what that person released; ``priority_labels`` what the labels said when
    a person set another priority, -1 when nobody did.
    ``others`` counts failures that were no fault of its own. ``feedback`` is how far its pull request has come.
    ``gate`` is why it waits for approval, ``kept_sha`` the commit that is not published before; ``approved_usd`` what
    somebody agreed it may cost.
    """

    id: str
    repo_id: int
    issue: int
    state: State
    version: int
    requirements: tuple[str, ...]
    priority: int
    trigger: str
    asked_by: str
    asked_by_id: int
    branch: str
    generation: int
    base: str
    prompt_sha256: str
    max_retries: int
    label_entry: int
    created_at: float
    queued_at: float
    changed_at: float
    fence: int = 0
    failures: int = 0
    lost: int = 0
    not_before: float = 0.0
    holds: tuple[str, ...] = ()
    reserved_for: str = ""
    resuming: bool = False
    agent: str = ""
    agent_type: str = ""
    host: str = ""
    mode: str = ""
    claimed_at: float = 0.0
    question: str = ""
    reason: Reason | None = None
    message: str = ""
    base_sha: str = ""
    head_sha: str = ""
    pushed_sha: str = ""
    pull_request: int = 0
    why: str = ""
    ended_by: str = ""
    note_sha256: str = ""
    approved_by: str = ""
    priority_labels: int = -1
    others: int = 0
    feedback: rework.Feedback = rework.NONE
    gate: str = ""
    kept_sha: str = ""
    approved_usd: float = 0.0

    @property
    def claimable(self) -> bool:
        return self.state is State.QUEUED and self.not_before == 0.0

    @property
    def is_merged(self) -> bool:
        """Done by a merge, which closes the issue, too."""
        return self.state is State.DONE and self.why != "no_change"


class IllegalTransition(Refused):
    """The table does not allow this event in the task's state."""


def illegal(task: Task | None, event: type[Event]) -> IllegalTransition:
    return IllegalTransition(
        text.step_refused(task.state.value if task else "", event.kind),
        text.step_possible([state.value for state in State if target(state, event)]),
        409,
        "illegal_transition",
    )


def apply(task: Task | None, task_id: str, event: Event, at: float, n: int) -> Task:
    """The task after ``event``. Raises IllegalTransition when the table does not allow it."""
    if task is None:
        return _opened(task_id, event, at, n)
    changes = _step(task, event, at, n)
    after = object.__new__(Task)  # as ``dataclasses.replace``, which would set all of its fields one by one
    vars(after).update(vars(task))
    vars(after).update(changes)
    return after


def advance(task: Task | None, task_id: str, event: Event, at: float, n: int) -> Task:
    """As ``apply``, but ``task`` itself is moved on, which nobody else may have seen: a replay does little else."""
    if task is None:
        return _opened(task_id, event, at, n)
    vars(task).update(_step(task, event, at, n))
    return task


def _step(task: Task, event: Event, at: float, n: int) -> dict[str, Any]:
    """What is different after ``event``."""
    before, state = task.state, target(task.state, type(event))
    if state is None:
        raise illegal(task, type(event))
    fences.check(event, state=before, newest=task.fence)
    changes: dict[str, Any] = {"state": state, "version": n, "changed_at": at}
    if state is not before:
        if state is State.QUEUED:
            changes["queued_at"] = at
        if before in LEASED and state not in LEASED:
            changes |= _NO_AGENT
        if before is State.HELD:
            changes |= _LET_GO
    changes |= _changes(task, event, at)
    return changes


def fold(records: Iterable[Recorded]) -> Task | None:
    """The task as its events tell it; None for no events."""
    task: Task | None = None
    for record in records:
        task = advance(task, record.task_id, record.event, record.at, record.n)
    return task


_LET_GO: Final[Mapping[str, Any]] = {"holds": (), "gate": "", "kept_sha": ""}
_NO_AGENT: Final[Mapping[str, Any]] = {
    "agent": "",
    "agent_type": "",
    "host": "",
    "mode": "",
    "claimed_at": 0.0,
}


def _opened(task_id: str, event: Event, at: float, n: int) -> Task:
    state = target(None, type(event))
    if state is None:
        raise illegal(None, type(event))
    opened = object.__new__(Task)
    vars(opened).update(_AT_FIRST)
    vars(opened).update(vars(event) | {"requirements": tuple(vars(event)["requirements"])})
    vars(opened).update(id=task_id, state=state, version=n, created_at=at, queued_at=at, changed_at=at)
    return opened


#: In the order of the fields, as ``__init__`` would leave them; those without a default are set for every task.
_AT_FIRST: Final[Mapping[str, Any]] = {field.name: field.default for field in dataclasses.fields(Task)}


def _changes(task: Task, event: Event, at: float) -> dict[str, Any]:
    """What ``event`` changes besides the state."""
    found: dict[str, Any] = {}
    for part in (_while_it_waits, _of_its_attempt, _of_its_end):
        changes = part(task, event, at)
        if changes is not None:
            found = changes
            break
    feedback = rework.after(task.feedback, event, at, fence=task.fence, head_sha=task.head_sha)
    if feedback is not task.feedback:
        found["feedback"] = feedback
    return found


def _while_it_waits(task: Task, event: Event, at: float) -> dict[str, Any] | None:
    match event:
        case e.Approved():
            note = {"note_sha256": event.note_sha256} if event.note_sha256 else {}
            return {"prompt_sha256": event.prompt_sha256, "approved_by": event.by, **note}
        case e.ApprovalVoided():
            return {
                "prompt_sha256": event.prompt_sha256,
                "approved_by": "",
                "holds": (),
                "message": "",
                "not_before": 0.0,
            }
        case e.PrioritySet():
            return {"priority": event.priority, "priority_labels": event.labels_said}
        case e.Rerouted():
            return {
                "requirements": event.requirements,
                "priority": event.priority,
                "label_entry": event.label_entry,
            }
        case e.Reserved():
            return {"reserved_for": event.agent, "resuming": False}
        case e.HoldPlaced() if gates.is_gate(event.hold):
            why = f"{task.gate}; {event.note}" if task.gate else event.note
            return {"holds": tuple(sorted({*task.holds, event.hold})), "gate": why, "not_before": 0.0}
        case e.HoldPlaced():
            # no timer runs in `held`: whoever lets it go later lets it go at once
            return {"holds": tuple(sorted({*task.holds, event.hold})), "message": event.note, "not_before": 0.0}
        case e.HoldLifted():
            left = tuple(h for h in task.holds if h != event.hold)
            return {"holds": left, "gate": task.gate if any(gates.is_gate(h) for h in left) else ""}
        case e.GateApproved():
            return _approved(event)
        case e.Released():
            return {"holds": (), "message": ""}
        case e.Claimed():
            return {
                "fence": event.fence,
                "agent": event.agent,
                "agent_type": event.agent_type,
                "host": event.host,
                "mode": event.mode,
                "claimed_at": at,
                "question": "",
                "not_before": 0.0,
            }
        case e.BackoffEnded():
            return {"not_before": 0.0}
        case _:
            return None


def _approved(event: e.GateApproved) -> dict[str, Any]:
    """The hold itself goes with the event that follows."""
    match event.gate:
        case gates.LABEL:
            return {"prompt_sha256": event.prompt_sha256, "approved_by": event.by}
        case gates.COST:
            return {"approved_usd": event.usd}
        case _:
            return {}


def _of_its_attempt(task: Task, event: Event, _at: float) -> dict[str, Any] | None:
    match event:
        case e.AttemptLost():
            return {
                "lost": task.lost + 1 if event.reason is Reason.LOST else task.lost,
                "reason": event.reason,
                **_given_up_waiting(task),
            }
        case e.AttemptFailed():
            return {
                "failures": task.failures + event.counts,
                "others": task.others + (not event.counts),
                "lost": 0,
                "reason": event.reason,
                "message": event.message,
                "not_before": event.retry_at,
                **_given_up_waiting(task),
            }
        case e.GaveUp():
            return {"reason": event.reason, "message": event.message, "not_before": 0.0}
        case e.QuestionAsked():
            return {"question": event.question, "reserved_for": task.agent, "resuming": True, "lost": 0}
        case e.ResultAccepted():
            return {
                "base_sha": event.base_sha,
                "head_sha": event.head_sha,
                "reason": None,
                "message": "",
                "lost": 0,
            }
        case e.ResultKept():
            held = {"holds": (gates.PATHS,), "gate": event.gate, "kept_sha": event.head_sha}
            return {**held, "reason": None, "message": "", "lost": 0}
        case e.NothingToChange():
            return {"why": "no_change", "reason": None, "message": event.explanation}
        case e.NothingToRework():
            return {"reason": None, "message": event.explanation, "lost": 0}
        case e.ReworkRequested():
            return {"reserved_for": event.agent, "resuming": True, "failures": 0, "others": 0, "lost": 0}
        case e.BranchPushed():
            return {"pushed_sha": event.sha}
        case e.PullRequestOpened():
            return {"pull_request": event.number}
        case _:
            return None


def _of_its_end(task: Task, event: Event, _at: float) -> dict[str, Any] | None:
    match event:
        case e.Merged():
            return {"why": "merged", "ended_by": event.by, "pull_request": event.number, "not_before": 0.0, "holds": ()}
        case e.PullRequestClosed():
            return {"why": "pull_request_closed", "ended_by": "", "not_before": 0.0, "holds": ()}
        case e.PullRequestReopened():
            return {"why": "", "ended_by": "", "message": ""}
        case e.Cancelled():
            return {
                "why": event.why,
                "ended_by": event.by,
                "message": event.note,
                "not_before": 0.0,
                "holds": (),
            }
        case e.RetryRequested():
            return _retried(task, event)
        case _:
            return None


def _given_up_waiting(task: Task) -> dict[str, Any]:
    """A resumed attempt that ended badly: the agent that had asked is not waited for any longer."""
    return {"reserved_for": "", "resuming": False} if task.resuming else {}


def _retried(task: Task, event: e.RetryRequested) -> dict[str, Any]:
    again: dict[str, Any] = {
        "failures": 0,
        "others": 0,
        "lost": 0,
        "reason": None,
        "message": event.note,
        "why": "",
        "ended_by": "",
        "not_before": 0.0,
        "reserved_for": event.agent,
        "resuming": False,
        "branch": event.branch,
        "trigger": "retry",  # somebody asked for it: a label that is gone does not stop it again
    }
    if task.why == "pull_request_closed":
        again["pull_request"] = 0  # that one stays closed; what comes of this attempt gets one of its own
    if event.fresh:
        again |= {"base_sha": "", "head_sha": "", "pushed_sha": "", "pull_request": 0}
    return again


def encode(task: Task) -> str:
    """The task as canonical JSON without what has its default value; equal text means equal task."""
    return _JSON.encode(_said(task))


def decode(data: str) -> Task:
    """The task again; what is missing has its default. Raises TypeError for a field too many or too few."""
    fields: dict[str, Any] = _DEFAULTS | json.loads(data)
    if fields.keys() != _FIELDS:
        raise TypeError(f"not the fields of a task: {', '.join(sorted(fields.keys() ^ _FIELDS))}")
    fields["state"] = State(fields["state"])
    fields["reason"] = Reason(fields["reason"]) if fields["reason"] else None
    fields["requirements"] = tuple(fields["requirements"])
    fields["holds"] = tuple(fields["holds"])
    if fields["feedback"] is not rework.NONE:
        fields["feedback"] = rework.Feedback.read(fields["feedback"])
    read = object.__new__(Task)
    vars(read).update(fields)
    return read


_FIELDS: Final = {field.name for field in dataclasses.fields(Task)}
_DEFAULTS: Final = {
    field.name: field.default for field in dataclasses.fields(Task) if field.default is not dataclasses.MISSING
}
_OF_FEEDBACK: Final = vars(rework.NONE)


def _said(part: Task | rework.Feedback) -> dict[str, Any]:
    defaults = _DEFAULTS if isinstance(part, Task) else _OF_FEEDBACK
    return {name: value for name, value in vars(part).items() if name not in defaults or value != defaults[name]}


_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_said)
