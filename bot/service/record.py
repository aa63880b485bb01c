"""Writing an event, and asking for everything that follows from it: timers, branch, pull request, what is shown."""

from bot import tracing
from bot.core import events as e
from bot.core import gate_text, ids, modes, text, view
from bot.core.events import Event
from bot.core.reasons import Reason
from bot.core.states import State
from bot.core.task import Task
from bot.service import (
    answers,
    avoiding,
    display,
    drained,
    feedback_rules,
    gates,
    notices,
    policies,
    receipts,
    rework,
    tracked_time,
)
from bot.service.fleet import Step
from bot.store import attempts, avoided, bodies, log, outbox, pauses, timers
from bot.store.timers import Timer

#: How long an answered task waits for the agent that asked (decision 10).
RESERVED_SECS = 2 * 3600


def opened(step: Step, event: e.TaskRequested | e.TaskCreated, *, cause: str, actor: str) -> Task:
    """The first event of a new task. Raises AlreadyHappened for a replay, Refused when the issue is busy."""
    task_id = ids.new("t", step.now)
    after = log.append(step.sql, None, task_id, event, cause=cause, actor=actor, at=step.now)
    display.show(step, after)
    return keep_out(step, after)


def record(step: Step, before: Task, event: Event, *, cause: str, actor: str) -> Task:
    """Writes ``event`` of a task as read in this step; returns the task after it.

    Raises AlreadyHappened for a replay, IllegalTransition and other Refused for what is not allowed.
    """
    after = log.append(step.sql, before, before.id, event, cause=cause, actor=actor, at=step.now)
    if before.state.leased and not after.state.leased:
        _attempt_over(step, before, after, event)
    _arm(step, after, event)
    _publish(step, before, after, event)
    if before.feedback.merges and not (after.feedback.merges and after.state is State.REVIEW) and after.why != "merged":
        rework.merge(step, before, "", "")  # the forge would merge whatever the head is by then
    if after.state.final:
        tracked_time.ask_for(step, after)
    display.show(step, after)
    _notify(step, before, after, event)
    notices.of_event(step, after, event)
    return keep_out(step, after)


def keep_out(step: Step, task: Task) -> Task:
    """A task in the queue that something on its issue, or a gate, keeps from starting is held at once."""
    if task.state is not State.QUEUED:
        return task
    lies = [(row.hold, row.note) for row in pauses.holds(step.sql, task.repo_id, task.issue)]
    for hold, why in [*lies, *gates.closed(step, task)]:
        if hold not in task.holds:
            cause = f"held:{task.id}:{task.version}:{hold}"
            task = record(step, task, e.HoldPlaced(hold, why), cause=cause, actor="fleet")
    return task


def timeout_key(task_id: str) -> str:
    return f"timeout:{task_id}"


def backoff_key(task_id: str) -> str:
    return f"backoff:{task_id}"


def unanswered_key(task_id: str) -> str:
    return f"unanswered:{task_id}"


def reservation_key(task_id: str) -> str:
    return f"reservation:{task_id}"


def label_key(task_id: str) -> str:
    return f"label_gone:{task_id}"


def _attempt_over(step: Step, before: Task, after: Task, event: Event) -> None:
    if isinstance(event, e.AttemptFailed):
        avoiding.remember(step, after, event, before.agent)
    why = event.reason.value if isinstance(event, (e.AttemptFailed, e.AttemptLost, e.GaveUp)) else ""
    step.afterwards.append(
        lambda: tracing.past(
            "attempt", before.id, before.claimed_at, step.now, failed=why, fence=before.fence, agent=before.agent
        )
    )
    attempts.close(step.sql, before.id, before.fence, outcome=_outcome(event), at=step.now)
    timers.disarm(step.sql, timeout_key(before.id))
    drained.report(step)


def _outcome(event: Event) -> str:
    match event:
        case e.AttemptFailed() | e.GaveUp():
            return f"failed: {text.reason(event.reason, event.message)}"
        case e.AttemptLost(reason=Reason.LOST):
            return "lost"
        case e.AttemptLost():
            return "handed back"
        case e.QuestionAsked():
            return "asked a question"
        case e.ResultAccepted():
            return "done"
        case e.ResultKept():
            return gate_text.kept_outcome()
        case e.NothingToChange() | e.NothingToRework():
            return "nothing to change"
        case _:
            return "stopped"


def _arm(step: Step, after: Task, event: Event) -> None:
    match event:
        case e.Claimed(mode=mode) if mode != modes.SSH_CLI:  # a run on a host is timed there, and by its supervisor
            due = step.now + step.fleet.settings.orchestrator.task_timeout_secs
            timers.arm(step.sql, Timer(timeout_key(after.id), "timeout", due, after.id, after.fence))
        case e.AttemptFailed():
            timers.arm(step.sql, Timer(backoff_key(after.id), "backoff", event.retry_at, after.id, after.fence))
        case e.QuestionAsked():
            timers.arm(step.sql, Timer(unanswered_key(after.id), "unanswered", event.until, after.id, after.fence))
        case e.Answered():
            timers.disarm(step.sql, unanswered_key(after.id))
            _reserve(step, after)
        case e.ReworkRequested():
            _reserve(step, after)
        case e.BackoffEnded():
            timers.disarm(step.sql, backoff_key(after.id))
    if after.state.final:
        avoided.forget(step.sql, after.id)
        for key in (backoff_key, unanswered_key, reservation_key, label_key):
            timers.disarm(step.sql, key(after.id))


def _reserve(step: Step, task: Task) -> None:
    """It waits for the agent that has the session, but not for ever."""
    due = step.now + RESERVED_SECS
    timers.arm(step.sql, Timer(reservation_key(task.id), "reservation", due, task.id, task.fence))


def _publish(step: Step, before: Task, after: Task, event: Event) -> None:
    """Branch first, pull request when the branch is there; each wish names the attempt it belongs to."""
    match event:
        case e.ResultAccepted() if event.head_sha:
            wish = {"fence": after.fence, "sha": event.head_sha, "branch": after.branch}
            outbox.wish(step.sql, f"push:{after.id}", "push", after.id, wish, at=step.now)
        case e.BranchPushed():
            wish = {"fence": after.fence, "sha": event.sha}
            outbox.wish(step.sql, f"pull:{after.id}", "pull", after.id, wish, at=step.now)
            if before.pushed_sha and before.pushed_sha != event.sha:
                display.finish_status(step, after, before.pushed_sha)
            rework.answer_threads(step, after, event)
        case e.NothingToRework():
            rework.answer_threads(step, after, event)
            receipts.ask_for(step, after)
        case e.NothingToChange():
            receipts.ask_for(step, after)
        case e.ReadinessChanged() if event.merges:
            style = feedback_rules.of(step.fleet, step.sql, after.repo_id).merge_style
            rework.merge(step, after, event.sha, style)
        case e.PullRequestOpened():
            receipts.ask_for(step, after)
        case e.Merged() | e.PullRequestClosed() | e.Cancelled() | e.GaveUp() | e.ReworkRequested():
            receipts.task_ended(step, after)
        case e.RetryRequested(fresh=True) if before.pull_request:
            target = f"close:{before.repo_id}#{before.pull_request}"
            wish = {"repo_id": before.repo_id, "number": before.pull_request, "issue": before.issue}
            outbox.wish(step.sql, target, "close", after.id, wish, at=step.now)


def _notify(step: Step, before: Task, after: Task, event: Event) -> None:
    if isinstance(event, e.PullRequestOpened) and before.pull_request == event.number:
        return  # another attempt on the same pull request: its page shows the new commits already
    if isinstance(event, e.NothingToRework) and before.feedback.working_on != "review":
        return  # nobody asked for it; a person is told when the next look finds it unchanged
    took = step.now - before.claimed_at if before.claimed_at else _took(step, after)
    excerpt = bodies.get(step.sql, event.excerpt_sha256) if isinstance(event, e.ResultKept) else ""
    said = view.notice(event, after, before.agent or _last_agent(step, after), took, excerpt)
    target = f"notice:{after.id}:{after.version}"
    if said and policies.of(step.sql, after.repo_id).comments:
        marker = view.marker(f"notice-{after.generation}-{after.version}", after.repo_id, after.issue)
        wish = {"repo_id": after.repo_id, "issue": after.issue, "body": f"{said}\n\n{marker}", "marker": marker}
        if answers.count_notice(step, after.repo_id, after.issue, target, marker):
            outbox.wish(step.sql, target, "notice", after.id, wish, at=step.now)


def _took(step: Step, task: Task) -> float:
    attempt = attempts.get(step.sql, task.id, task.fence)
    return attempt.ended_at - attempt.claimed_at if attempt and attempt.ended_at else 0.0


def _last_agent(step: Step, task: Task) -> str:
    attempt = attempts.get(step.sql, task.id, task.fence)
    return attempt.agent if attempt else ""
