"""A task's life, line by line: what happened, who did it, and why. One sentence for every kind of event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.core import cleaning, text
from bot.core.modes import ACTIONS, SSH_CLI
from bot.core.reasons import Reason
from bot.core.recorded import Recorded


@dataclass(frozen=True)
class Told:
    """``who`` in words; ``why`` "" when the event says all."""

    what: str
    who: str
    why: str = ""


def told(record: Recorded) -> Told:
    """An event of the log for people. Raises KeyError for a kind that has no sentence yet."""
    what, why = _SENTENCES[record.event.kind](record.event)
    return Told(what, who(record.actor), why)


def who(actor: str) -> str:
    """``person:ann`` → ann; the fleet's own doing is the fleet's."""
    kind, _, name = actor.partition(":")
    return cleaning.name(name or kind)


def kinds() -> frozenset[str]:
    """The kinds of events that there is a sentence for."""
    return frozenset(_SENTENCES)


Sentence = Callable[[Any], tuple[str, str]]

_MODES: Final = {SSH_CLI: "on a host", ACTIONS: "as a job of Forgejo Actions"}
_HOLDS: Final = {"manual": "by hand", "label": "by the label `fleet/hold`", "blocked": "by issues that it waits for"}
_TRIGGERS: Final = {
    "label": "An `agent:` label was put on the issue.",
    "command": "`/fleet run` was written.",
    "api": "The API was asked.",
}
_LIMITS: Final = {
    "count": "it went back often enough",
    "time": "it has taken long enough",
    "declined": "the agent saw nothing to change",
    "same": "the same came again",
}
_PRIORITIES: Final = {0: "high", 1: "normal", 2: "low"}


def _asks_for(event: Any) -> str:
    return f" It asks for {text.names(event.requirements)}." if event.requirements else ""


def _requested(event: Any) -> tuple[str, str]:
    return "Asked for", f"{_TRIGGERS.get(event.trigger, '')} It needs the consent of somebody with write access."


def _created(event: Any) -> tuple[str, str]:
    return "Queued", f"{_TRIGGERS.get(event.trigger, '')}{_asks_for(event)}".strip()


def _approved(event: Any) -> tuple[str, str]:
    return "Approved", f"{cleaning.name(event.by)} has read the text as it stands and lets it run."


def _voided(event: Any) -> tuple[str, str]:
    before = f" after {cleaning.name(event.approved_by)} had approved it" if event.approved_by else ""
    return "Approval taken back", f"The issue's text was changed{before}."


def _priority(event: Any) -> tuple[str, str]:
    return f"Priority {_PRIORITIES.get(event.priority, 'normal')}", f"{cleaning.name(event.by)} chose it."


def _said(event: Any) -> tuple[str, str]:
    return "Told the agent something", f"By {cleaning.name(event.by)}, while it works."


def _repaired(event: Any) -> tuple[str, str]:
    by = f" {cleaning.name(event.by)} had changed it." if event.by else ""
    return f"Put the {cleaning.one_line(event.what, 40)} right on the forge", f"It was not as it should be.{by}"


def _rerouted(event: Any) -> tuple[str, str]:
    return "Asks for something else now", f"The labels were changed.{_asks_for(event)}"


def _reserved(event: Any) -> tuple[str, str]:
    if event.agent:
        return f"Reserved for {cleaning.code(event.agent, 60)}", ""
    return "Open to every agent again", ""


def _held(event: Any) -> tuple[str, str]:
    note = f": {cleaning.defanged(cleaning.one_line(event.note, 300))}" if event.note else ""
    return f"Held {_HOLDS.get(event.hold, cleaning.code(event.hold, 60))}", f"Kept out of the queue{note}."


def _lifted(event: Any) -> tuple[str, str]:
    return f"No longer held {_HOLDS.get(event.hold, cleaning.code(event.hold, 60))}", "Something else still holds it."


def _released(_event: Any) -> tuple[str, str]:
    return "Released", "Nothing keeps it out of the queue any more."


def _claimed(event: Any) -> tuple[str, str]:
    mode = _MODES.get(event.mode, "")
    how = f" {mode}" if mode else ""
    agent, kind = cleaning.code(event.agent, 60), cleaning.code(event.agent_type, 60)
    return f"Attempt {event.fence} given to {agent}", f"It is of type {kind}{how} and fits what the task asks for."


def _started(event: Any) -> tuple[str, str]:
    return f"Attempt {event.fence} started", ""


def _lost(event: Any) -> tuple[str, str]:
    if event.reason is Reason.LOST:
        return f"Attempt {event.fence} lost", f"Nothing was heard for {text.span(event.silent_secs)}; it costs no try."
    return f"Attempt {event.fence} ended early", f"{_because(event)} It costs no try."


def _failed(event: Any) -> tuple[str, str]:
    counts = "" if event.counts else " It costs no try."
    return f"Attempt {event.fence} failed", f"{_because(event)} {text.backing_off(event.retry_at)}{counts}"


def _because(event: Any) -> str:
    said = text.reason(event.reason, getattr(event, "message", ""))
    return f"{said[:1].upper()}{said[1:]}."


def _backoff_ended(_event: Any) -> tuple[str, str]:
    return "Back in the queue", "The pause after the failed attempt is over."


def _gave_up(event: Any) -> tuple[str, str]:
    return "Given up", _because(event)


def _asked(event: Any) -> tuple[str, str]:
    return "The agent asks", f"{cleaning.code(event.question, 1500)} It waits until {text.moment(event.until)}."


def _answered(event: Any) -> tuple[str, str]:
    return "Answered", f"{cleaning.name(event.by)} answered; the same agent goes on."


def _accepted(event: Any) -> tuple[str, str]:
    commits = "1 commit" if event.commits == 1 else f"{event.commits} commits"
    files = "1 file" if event.files_changed == 1 else f"{event.files_changed} files"
    return (
        f"Result of attempt {event.fence} accepted",
        f"{commits}, {files} (+{event.insertions} −{event.deletions}); the checks of the change passed.",
    )


def _kept(event: Any) -> tuple[str, str]:
    return f"Result of attempt {event.fence} kept", f"{event.gate[:1].upper()}{event.gate[1:]}."


def _gate_approved(event: Any) -> tuple[str, str]:
    by = cleaning.name(event.by)
    if event.sha:
        return "Change approved", f"{by} agreed to publish {cleaning.code(event.sha[:12])}."
    if event.usd:
        return "Cost approved", f"{by} agreed to ${event.usd:.2f} in all."
    return "Approved", f"{by} has read the text as it stands and lets it run."


def _reviews_wait(event: Any) -> tuple[str, str]:
    count = "1 review waits" if event.count == 1 else f"{event.count} reviews wait"
    return count, "The agent hears of what was said since with the next retry."


def _nothing(event: Any) -> tuple[str, str]:
    return "Nothing to change", cleaning.code(event.explanation, 600)


def _pushed(event: Any) -> tuple[str, str]:
    return f"Branch pushed at {cleaning.code(event.sha[:12])}", ""


def _opened(event: Any) -> tuple[str, str]:
    return f"Pull request #{event.number} opened", "" if event.ours else "The agent opened it itself."


def _merged(event: Any) -> tuple[str, str]:
    return f"Pull request #{event.number} merged", f"By {cleaning.name(event.by)}." if event.by else ""


def _closed(event: Any) -> tuple[str, str]:
    return "Cancelled", f"Pull request #{event.number} was closed without being merged."


def _reopened(event: Any) -> tuple[str, str]:
    return f"Pull request #{event.number} opened again", "It is in review as before."


def _cancelled(event: Any) -> tuple[str, str]:
    return "Cancelled", text.cancelled(event.why, event.by, 0, event.note).removeprefix("Cancelled").lstrip(": ")


def _retried(event: Any) -> tuple[str, str]:
    fresh = " It starts again from the base branch." if event.fresh else ""
    note = f" {cleaning.name(event.by)} adds: {cleaning.code(event.note, 300)}" if event.note else ""
    where = f" For {cleaning.code(event.agent, 60)}." if event.agent else ""
    return "Asked for another attempt", f"{fresh}{where}{note}".strip()


def _rework(event: Any) -> tuple[str, str]:
    why = {"review": "A review asks for changes.", "conflict": "It cannot be merged as it is."}
    said = why.get(event.why, "Checks do not pass.")
    return f"Back to {cleaning.code(event.agent, 60)}", said


def _left(event: Any) -> tuple[str, str]:
    return "The agent leaves the pull request as it is", cleaning.code(event.explanation, 600)


def _escalated(event: Any) -> tuple[str, str]:
    return "A person has to look", f"It does not go back to the agent again: {_LIMITS.get(event.limit, event.limit)}."


def _readiness(event: Any) -> tuple[str, str]:
    if not event.by:
        return "Not ready to be merged any more", "The approval or the checks do not hold for what it is now."
    merges = " The forge is told to merge it." if event.merges else ""
    return "Ready to be merged", f"{cleaning.name(event.by)} approved it and its checks pass.{merges}"


_SENTENCES: Final[Mapping[str, Sentence]] = {
    "task_requested": _requested,
    "task_created": _created,
    "approved": _approved,
    "approval_voided": _voided,
    "priority_set": _priority,
    "said": _said,
    "display_repaired": _repaired,
    "rerouted": _rerouted,
    "reserved": _reserved,
    "hold_placed": _held,
    "hold_lifted": _lifted,
    "released": _released,
    "claimed": _claimed,
    "started": _started,
    "attempt_lost": _lost,
    "attempt_failed": _failed,
    "backoff_ended": _backoff_ended,
    "gave_up": _gave_up,
    "question_asked": _asked,
    "answered": _answered,
    "result_accepted": _accepted,
    "result_kept": _kept,
    "gate_approved": _gate_approved,
    "reviews_wait": _reviews_wait,
    "nothing_to_change": _nothing,
    "branch_pushed": _pushed,
    "pull_request_opened": _opened,
    "merged": _merged,
    "pull_request_closed": _closed,
    "pull_request_reopened": _reopened,
    "cancelled": _cancelled,
    "retry_requested": _retried,
    "rework_requested": _rework,
    "nothing_to_rework": _left,
    "escalated": _escalated,
    "readiness_changed": _readiness,
}
