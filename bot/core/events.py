"""The vocabulary of the log: everything that can happen to a task, in the past tense.

An event says what happened, never what should happen next: what depends on facts (attempts left? lease over?)
is decided before it is written. Events hold ids, numbers and digests; prompts, payloads and logs live in tables
that retention may empty. Times are seconds since the epoch, UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from bot.core import rework_events
from bot.core.event import Event as Event
from bot.core.reasons import Reason

Escalated = rework_events.Escalated
NothingToRework = rework_events.NothingToRework
ReadinessChanged = rework_events.ReadinessChanged
ReviewsWait = rework_events.ReviewsWait
ReworkRequested = rework_events.ReworkRequested


@dataclass(frozen=True)
class _Opened(Event):
    """``label_entry`` is the newest label line of the issue's timeline that this task answers (0 = none).

    ``note_sha256`` is what a person added to the issue's text when asking; it is part of the prompt.
    """

    repo_id: int
    issue: int
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
    note_sha256: str = ""


@dataclass(frozen=True)
class TaskRequested(_Opened):
    """Someone without write access asked; nothing runs until a person with write access agrees."""

    kind: ClassVar[str] = "task_requested"


@dataclass(frozen=True)
class TaskCreated(_Opened):
    """A person with write access, or a token that may, asked for it."""

    kind: ClassVar[str] = "task_created"


@dataclass(frozen=True)
class Approved(Event):
    """``by`` has write access and released the request; ``prompt_sha256`` is the text they released."""

    kind: ClassVar[str] = "approved"
    by: str
    prompt_sha256: str
    note_sha256: str = ""


@dataclass(frozen=True)
class ApprovalVoided(Event):
    """The issue's text is not the one that ``approved_by`` released; ``prompt_sha256`` is what it says now."""

    kind: ClassVar[str] = "approval_voided"
    approved_by: str
    prompt_sha256: str


@dataclass(frozen=True)
class PrioritySet(Event):
    """``by`` chose ``priority``; it stays until the labels say something else than ``labels_said``."""

    kind: ClassVar[str] = "priority_set"
    by: str
    priority: int
    labels_said: int


@dataclass(frozen=True)
class Said(Event):
    """``by`` had words for the agent while it works."""

    kind: ClassVar[str] = "said"
    by: str
    words_sha256: str


@dataclass(frozen=True)
class DisplayRepaired(Event):
    """What the forge showed was not as wanted and is put back: label, comment or status. ``by`` "" = unknown."""

    kind: ClassVar[str] = "display_repaired"
    what: str
    found: str
    by: str = ""


@dataclass(frozen=True)
class Rerouted(Event):
    """Labels changed; what they ask for counts from the next attempt on."""

    kind: ClassVar[str] = "rerouted"
    requirements: tuple[str, ...]
    priority: int
    label_entry: int


@dataclass(frozen=True)
class Reserved(Event):
    """Only this agent (an id or a type; "" = anyone) may take the task."""

    kind: ClassVar[str] = "reserved"
    agent: str


@dataclass(frozen=True)
class HoldPlaced(Event):
    """``hold`` names why it waits: ``manual``, or a gate."""

    kind: ClassVar[str] = "hold_placed"
    hold: str
    note: str = ""


@dataclass(frozen=True)
class HoldLifted(Event):
    """One of several holds is gone; another one keeps the task."""

    kind: ClassVar[str] = "hold_lifted"
    hold: str


@dataclass(frozen=True)
class Released(Event):
    """The last hold is gone."""

    kind: ClassVar[str] = "released"


@dataclass(frozen=True)
class GateApproved(Event):
    """``by`` approved what ``gate`` held: the text ``prompt_sha256``, the commit ``sha``, or up to ``usd`` in all."""

    kind: ClassVar[str] = "gate_approved"
    gate: str
    by: str
    prompt_sha256: str = ""
    sha: str = ""
    usd: float = 0.0


@dataclass(frozen=True)
class Claimed(Event):
    """An agent has the lease. ``fence`` is one higher than any before it; ``mode`` is how the agent runs."""

    kind: ClassVar[str] = "claimed"
    fence: int
    agent: str
    agent_type: str
    host: str
    mode: str


@dataclass(frozen=True)
class Started(Event):
    """The agent said its first word about the attempt."""

    kind: ClassVar[str] = "started"
    fence: int


@dataclass(frozen=True)
class AttemptLost(Event):
    """The run vanished or was handed back: costs no attempt. ``silent_secs`` is how long nothing was heard."""

    kind: ClassVar[str] = "attempt_lost"
    fence: int
    reason: Reason
    silent_secs: int = 0


@dataclass(frozen=True)
class AttemptFailed(Event):
    """The attempt ended badly and another one follows, not before ``retry_at``.

    ``counts`` False: it was no fault of the task's, so it costs none of its retries.
    """

    kind: ClassVar[str] = "attempt_failed"
    fence: int
    reason: Reason
    message: str
    retry_at: float
    counts: bool = True


@dataclass(frozen=True)
class BackoffEnded(Event):
    """The pause after a failed attempt is over; agents may take it again."""

    kind: ClassVar[str] = "backoff_ended"


@dataclass(frozen=True)
class GaveUp(Event):
    """Failed for good; ``fence`` is the attempt that ended it, 0 when none was running."""

    kind: ClassVar[str] = "gave_up"
    fence: int
    reason: Reason
    message: str


@dataclass(frozen=True)
class QuestionAsked(Event):
    """The attempt ended with a question; the slot is free while people think."""

    kind: ClassVar[str] = "question_asked"
    fence: int
    question: str
    until: float


@dataclass(frozen=True)
class Answered(Event):
    """``by`` answered the agent's question; it goes back to the queue for the agent that had asked."""

    kind: ClassVar[str] = "answered"
    by: str
    answer_sha256: str


@dataclass(frozen=True)
class _Result(Event):
    fence: int
    base_sha: str
    head_sha: str
    commits: int
    files_changed: int
    insertions: int
    deletions: int
    patch_sha256: str
    summary_sha256: str
    receipt_sha256: str


@dataclass(frozen=True)
class ResultAccepted(_Result):
    """The agent's commits passed the checks; branch and pull request follow."""

    kind: ClassVar[str] = "result_accepted"


@dataclass(frozen=True)
class ResultKept(_Result):
    """They passed, but change ``paths`` that need approval: kept. ``excerpt_sha256`` is what people see of that."""

    kind: ClassVar[str] = "result_kept"
    paths: tuple[str, ...] = ()
    gate: str = ""
    excerpt_sha256: str = ""


@dataclass(frozen=True)
class NothingToChange(Event):
    """The agent explained why no commit is needed. ``receipt_sha256`` names its claims ("" before they were kept)."""

    kind: ClassVar[str] = "nothing_to_change"
    fence: int
    explanation: str
    receipt_sha256: str = ""


@dataclass(frozen=True)
class BranchPushed(Event):
    """The task's branch on the forge is at ``sha``, pushed by us."""

    kind: ClassVar[str] = "branch_pushed"
    fence: int
    sha: str


@dataclass(frozen=True)
class PullRequestOpened(Event):
    """``ours`` is False for one that the agent opened with rights of its own."""

    kind: ClassVar[str] = "pull_request_opened"
    number: int
    ours: bool = True


@dataclass(frozen=True)
class Merged(Event):
    """``by`` merged the pull request, whatever had become of the task; ``sha`` is the merge on the base branch."""

    kind: ClassVar[str] = "merged"
    number: int
    by: str
    sha: str


@dataclass(frozen=True)
class PullRequestClosed(Event):
    """The pull request was closed without being merged."""

    kind: ClassVar[str] = "pull_request_closed"
    number: int


@dataclass(frozen=True)
class PullRequestReopened(Event):
    """The pull request whose closing cancelled the task is open again: it is in review as before.

    ``unfinished``: an attempt to rework it was cut off then, and is not made up for by itself.
    """

    kind: ClassVar[str] = "pull_request_reopened"
    number: int
    unfinished: bool = False


@dataclass(frozen=True)
class Cancelled(Event):
    """``why`` is a stable word: label_removed, issue_closed, pull_request_closed, command, api, halt,
    replaced, gone."""

    kind: ClassVar[str] = "cancelled"
    why: str
    by: str
    note: str = ""


@dataclass(frozen=True)
class RetryRequested(Event):
    """Another attempt on the same branch, or on a new ``branch`` (``fresh``) from the base."""

    kind: ClassVar[str] = "retry_requested"
    by: str
    fresh: bool
    branch: str
    agent: str = ""
    note: str = ""


#: Every event by its name in the log.
KINDS: Final[Mapping[str, type[Event]]] = {
    found.kind: found
    for found in list(globals().values())
    if isinstance(found, type) and issubclass(found, Event) and found.kind
}
