"""What the forge should show of a task: one label, one status comment, one commit status, and rarely a new comment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.core import (
    actions_text,
    cleaning,
    command_text,
    feedback_text,
    follow_up_text,
    gate_text,
    gates,
    prompt_text,
    retry_text,
    text,
    usage_text,
)
from bot.core.events import (
    ApprovalVoided,
    Escalated,
    Event,
    GaveUp,
    HoldPlaced,
    Merged,
    NothingToChange,
    NothingToRework,
    PullRequestOpened,
    PullRequestReopened,
    QuestionAsked,
    ResultKept,
)
from bot.core.reasons import Reason
from bot.core.states import State
from bot.core.task import Task
from bot.core.usage import Used

CONTEXT: Final = "agent-fleet"


@dataclass(frozen=True)
class StateLabel:
    """``name`` without the prefix; ``color`` is rrggbb."""

    name: str
    color: str
    description: str


#: The labels the bot makes and sets; exclusive in the scope ``fleet/``.
STATE_LABELS: Final = (
    StateLabel("requested", "9e9e9e", "Someone without write access asked for an agent"),
    StateLabel("queued", "0288d1", "Waits for an agent"),
    StateLabel("held", "880e4f", "Kept out of the queue"),
    StateLabel("running", "e64a19", "An agent works on it"),
    StateLabel("waiting", "fbc02d", "The agent asked a question"),
    StateLabel("review", "7b1fa2", "A pull request is ready"),
    StateLabel("done", "4caf50", "The pull request was merged"),
    StateLabel("failed", "b71c1c", "No attempt succeeded"),
    StateLabel("cancelled", "616161", "Stopped before it was finished"),
)

_SHOWN_AS: Final = {State.ASSIGNED: "queued"}

_COMMIT_STATES: Final = {
    State.QUEUED: "pending",
    State.ASSIGNED: "pending",
    State.RUNNING: "pending",
    State.WAITING: "pending",
    State.HELD: "pending",
    State.REQUESTED: "pending",
    State.REVIEW: "success",
    State.FAILED: "failure",
    State.CANCELLED: "error",
}


@dataclass(frozen=True)
class AttemptLine:
    """One attempt as the history shows it; ``outcome`` "" = it runs, ``silent_secs`` how long it was not heard."""

    number: int
    agent: str
    agent_type: str
    started_at: float
    outcome: str
    silent_secs: float = 0.0
    kind: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A task and what is around it, at the moment it is shown. ``place`` 0 = not in the queue.

    ``fitting`` is how many agents online could take it, ``used`` what all its attempts took, by model, ``paused`` what
    keeps everything from starting, ``possible`` the commands that would not be refused,
    ``run_page`` and ``run_state`` the workflow run that works on it, ``follow_ups`` (issue, state) of what its agents
    opened.
    """

    task: Task
    attempts: Sequence[AttemptLine] = ()
    progress: str = ""
    checklist: Sequence[tuple[str, bool]] = ()
    last_sign_at: float = 0.0
    place: int = 0
    fitting: int = 1
    used: Sequence[Used] = ()
    run_page: str = ""
    run_state: str = ""
    paused: str = ""
    possible: Sequence[str] = ()
    follow_ups: Sequence[tuple[int, str]] = ()


@dataclass(frozen=True)
class CommitStatus:
    """``state`` is Forgejo's: pending, success, error or failure."""

    sha: str
    state: str
    description: str


def label_name(state: State) -> str:
    return _SHOWN_AS.get(state, state.value)


def marker(kind: str, repo_id: int, number: int) -> str:
    """The hidden line by which a comment of ours is found again; counts only from the bot's own account."""
    return f"<!-- fleet:v1:{kind}:{repo_id}:{number} -->"


def commit_status(task: Task) -> CommitStatus | None:
    """None before the first push, and at the merge: what it said in review stays (decision 14)."""
    state = _COMMIT_STATES.get(task.state)
    if not task.pushed_sha or state is None:
        return None
    detail = gate_text.status_detail() if task.gate else ""
    return CommitStatus(task.pushed_sha, state, text.status_description(label_name(task.state), task.fence, detail))


def status_comment(seen: Snapshot) -> str:
    """The whole text of the status comment, marker included."""
    task = seen.task
    current = seen.attempts[-1] if seen.attempts and task.state.leased else None
    lines = [
        text.headline(
            label_name(task.state),
            task.fence,
            current.agent_type if current else "",
            current.agent if current else "",
        ),
        "",
        "| Asked by | Since | Branch | Last sign of life |",
        "|---|---|---|---|",
        (
            f"| {_asker(task)} | {text.moment(task.created_at)} | "
            f"{f'`{task.branch}`' if task.pushed_sha else '–'} | "
            f"{text.clock(seen.last_sign_at) if seen.last_sign_at and task.state.leased else '–'} |"
        ),
    ]
    said = situation(seen)
    if said:
        lines += ["", said]
    if task.state.leased and (seen.progress or seen.checklist):
        lines += ["", *_progress(seen)]
    if seen.follow_ups:
        lines += ["", follow_up_text.listed(seen.follow_ups)]
    if seen.run_page:
        lines += ["", actions_text.run_line(seen.run_page, seen.run_state)]
    if seen.attempts:
        lines += ["", *_history(seen.attempts, seen.used)]
    if seen.possible:
        lines += ["", f"Now possible: {' · '.join(seen.possible)}"]
    return "\n".join([*lines, "", marker("status", task.repo_id, task.issue)])


def situation(seen: Snapshot) -> str:
    """What is the matter, why, and what to do, in one to three sentences."""
    return " ".join(x for x in (_mishap(seen), _situation(seen)) if x)


def _mishap(seen: Snapshot) -> str:
    """What brought a waiting task back into the queue through nobody's fault."""
    if seen.task.state is not State.QUEUED or not seen.attempts:
        return ""
    last = seen.attempts[-1]
    match seen.task.reason:
        case Reason.LOST:
            return text.lost(last.agent, last.silent_secs)
        case Reason.HANDED_BACK:
            return text.handed_back(last.agent)
        case _:
            return ""


def _situation(seen: Snapshot) -> str:
    task = seen.task
    match task.state:
        case State.REQUESTED if task.trigger == "follow_up":
            return follow_up_text.asked_by_agent(task.asked_by)
        case State.REQUESTED:
            return text.requested(task.asked_by)
        case State.QUEUED if task.not_before:
            why = text.reason(task.reason or Reason.AGENT_FAILED, task.message)
            helps = retry_text.what_helps(task.reason or Reason.AGENT_FAILED)
            return f"Attempt {task.fence} failed: {why}. {text.backing_off(task.not_before)} {helps}".rstrip()
        case State.QUEUED if seen.paused:
            return f"{text.queued(seen.place)} {seen.paused}"
        case State.QUEUED if not seen.fitting:
            return text.nobody_fits(task.requirements, task.reserved_for)
        case State.QUEUED if task.feedback.working_on:
            return f"{feedback_text.queued(task.feedback.working_on)} {text.queued(seen.place)}"
        case State.QUEUED:
            return text.queued(seen.place)
        case State.WAITING:
            return f"The agent asks: {cleaning.code(task.question, 1500)}"
        case State.HELD:
            return held(task)
        case State.REVIEW if task.feedback.ready_by:
            return feedback_text.ready(task.pull_request, task.feedback.ready_by, task.feedback.merges)
        case State.REVIEW if task.feedback.escalated:
            last, waiting = task.feedback.escalated[-1], task.feedback.waiting
            return feedback_text.needs_a_person(task.pull_request, last, waiting)
        case State.REVIEW if task.pull_request:
            return f"#{task.pull_request} is ready for review."
        case State.REVIEW:
            return "The result passed the checks; the pull request is being opened."
        case State.DONE if task.why == "no_change":
            last = seen.attempts[-1].agent if seen.attempts else "The agent"
            return text.nothing_to_change(last, task.message)
        case State.DONE:
            return text.done(task.pull_request)
        case State.FAILED if task.reason is Reason.PROMPT_INVALID:
            return prompt_text.not_started("", task.message)
        case State.FAILED:
            return failure(task)
        case State.CANCELLED:
            return text.cancelled(task.why, task.ended_by, task.pull_request, task.message)
        case _:
            return ""


def failure(task: Task) -> str:
    """Why a task failed, and what would change that."""
    why = task.reason or Reason.AGENT_FAILED
    return f"Failed: {text.reason(why, task.message)}. {retry_text.what_would_help(why)}".rstrip()


def held(task: Task) -> str:
    """Why a task is held and what would let it go."""
    others = tuple(x for x in task.holds if not gates.is_gate(x))
    said = [gate_text.waits(task.gate, task.kept_sha)] if task.gate else []
    return " ".join([*said, *([command_text.held(others, task.message)] if others or not said else [])])


def notice(event: Event, task: Task, agent: str, took_secs: float, excerpt: str = "") -> str:
    """The new comment that ``event`` deserves: only when a person must act or it is over; "" = none.

    ``excerpt`` is what a kept result does where it needs approval.
    """
    to = text.addressed(task.asked_by, task.asked_by_id > 0)
    match event:
        case QuestionAsked():
            return text.waiting(to, agent, event.question, event.until)
        case GaveUp(reason=Reason.PROMPT_INVALID):
            return prompt_text.not_started(to, event.message)
        case GaveUp():
            branch, why = task.branch if task.pushed_sha else "", text.reason(event.reason, event.message)
            if not event.fence:
                return text.not_tried_again(to, why, branch)
            return text.failed(to, task.fence, took_secs, why, branch)
        case HoldPlaced() if gates.is_gate(event.hold):
            return gate_text.asks(to, event.note, "", "")
        case ResultKept():
            return gate_text.asks(to, event.gate, event.head_sha, excerpt)
        case ApprovalVoided() if event.approved_by:
            return command_text.void(event.approved_by)
        case PullRequestOpened():
            return text.in_review(to, took_secs, event.number)
        case Merged():
            return text.done(event.number)
        case PullRequestReopened() if event.unfinished:
            return feedback_text.reopened(to, event.number)
        case Escalated(why=why, limit=limit):
            times = task.feedback.done.count(why)
            return feedback_text.escalated(to, task.pull_request, why, limit, times)
        case NothingToRework():
            return feedback_text.left_as_it_is(to, agent, task.pull_request, event.explanation)
        case NothingToChange():
            return f"{to}{text.nothing_to_change(agent, event.explanation)}"
        case _:
            return ""


def _asker(task: Task) -> str:
    """A table's cell: no bar, no line end."""
    return cleaning.name(task.asked_by).replace("|", "/") if task.asked_by else "the API"


def _progress(seen: Snapshot) -> list[str]:
    lines = [
        f"- [{'x' if ok else ' '}] {cleaning.defanged(cleaning.one_line(item, 120))}" for item, ok in seen.checklist
    ]
    if seen.progress:
        lines.append(cleaning.code(seen.progress, 300))
    return lines


def _history(attempts: Sequence[AttemptLine], used: Sequence[Used]) -> list[str]:
    lines = [_attempt(x) for x in attempts[-20:]]
    lines += ["", *(usage_text.used(one) for one in used[:10])] if used else []
    return ["<details><summary>History</summary>", "", *lines, "</details>"]


def _attempt(x: AttemptLine) -> str:
    kind = feedback_text.attempt_kind(x.kind)
    who = f"{cleaning.code(x.agent_type, 60)} on {cleaning.code(x.agent, 60)}"
    return (
        f"{x.number}. {text.clock(x.started_at)} attempt {x.number}{kind}, {who}{f', {x.outcome}' if x.outcome else ''}"
    )
