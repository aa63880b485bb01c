"""From an issue as the forge shows it to what should happen to its task: start, re-route, cancel, or nothing.

Level-triggered: the same facts always give the same answer, whoever brought them (webhook, replay, sweep).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.core import cleaning, matching
from bot.core.events import Approved, Cancelled, Event, Rerouted
from bot.core.facts import Account, Issue, LabelEntry, Right
from bot.core.states import State
from bot.core.task import Task

_LABEL: Final = "label:"


@dataclass(frozen=True)
class Start:
    """A task is to be made of the issue; ``cause`` is unique for the label that asked for it, set ``at`` (the forge's
    clock).
    """

    cause: str
    by: Account
    right: Right
    at: float = 0.0


@dataclass(frozen=True)
class Step:
    """``event`` is to be appended to the task, once for ``cause``."""

    cause: str
    event: Event
    by: str


@dataclass(frozen=True)
class ArmLabelGrace:
    """The last requirement label is gone: look again in a moment, it may only be exchanged for another."""


Decision = Start | Step | ArmLabelGrace


def asked_text(title: str, body: str) -> str:
    """What an agent is given of an issue: the words that a person sees, hidden ones left out."""
    return cleaning.readable(f"{title}\n\n{body}").strip()


def with_note(asked: str, note: str) -> str:
    """The issue's text and what was added to it when a person asked."""
    return f"{asked}\n\n{cleaning.readable(note).strip()}" if note.strip() else asked


def current_entries(issue: Issue, entries: Sequence[LabelEntry]) -> list[LabelEntry]:
    """The timeline entries that put today's requirement labels on the issue, oldest first."""
    last: dict[str, LabelEntry] = {}
    for entry in sorted(entries, key=lambda x: x.id):
        last[entry.label] = entry
    wanted = [e for e in last.values() if e.added and e.label in issue.labels and matching.is_requirement(e.label)]
    return sorted(wanted, key=lambda x: x.id)


def people_to_check(issue: Issue, entries: Sequence[LabelEntry]) -> frozenset[Account]:
    """Those whose rights decide; the caller asks the forge for each."""
    return frozenset(e.person for e in current_entries(issue, entries))


def decide(
    issue: Issue,
    entries: Sequence[LabelEntry],
    rights: Mapping[int, Right],
    task: Task | None,
    *,
    grace_over: bool,
) -> list[Decision]:
    """What the issue asks for now.

    ``task`` is the issue's newest task or None; ``rights`` by account id, missing = UNKNOWN. ``grace_over`` says
    that a removed label has been gone long enough to mean it.
    """
    active = task if task and not task.state.final else None
    if not issue.is_open:
        return _closed(active)
    asked = [x for x in current_entries(issue, entries) if task is None or x.id > task.label_entry]
    if active is None:
        return _start(issue, asked, rights)
    if active.trigger == "label" and not matching.requirements(issue.labels):
        return _unlabelled(entries, active, grace_over)
    return _changed(issue, asked, newest_entry(entries), rights, active)


def newest_entry(entries: Sequence[LabelEntry]) -> int:
    """The id of the newest label line, 0 for none: everything up to it is answered by the task made now."""
    return max((e.id for e in entries if matching.is_requirement(e.label)), default=0)


def label_cause(issue: Issue, entry: LabelEntry) -> str:
    return f"{_LABEL}{issue.repo_id}:{entry.id}"


def is_label_cause(cause: str) -> bool:
    """Whether it was a label that did it."""
    return cause.startswith(_LABEL)


def _start(issue: Issue, asked: Sequence[LabelEntry], rights: Mapping[int, Right]) -> list[Decision]:
    """The newest label starts; a writer's counts before an outsider's newer one."""
    writers = [x for x in asked if _right(rights, x.person).may_write]
    chosen = (writers or list(asked))[-1:]
    return [Start(label_cause(issue, x), x.person, _right(rights, x.person), x.at) for x in chosen]


def _closed(active: Task | None) -> list[Decision]:
    if active is None or active.state is State.REVIEW:  # its pull request decides: a merge closes the issue too
        return []
    return [Step(f"closed:{active.id}:{active.version}", Cancelled("issue_closed", ""), "forge")]


def _unlabelled(entries: Sequence[LabelEntry], active: Task, grace_over: bool) -> list[Decision]:
    if active.state is State.REVIEW:  # the work is done; its pull request is people's business now
        return []
    if not grace_over:
        return [ArmLabelGrace()]
    removed = [x for x in entries if not x.added and matching.is_requirement(x.label)]
    by = max(removed, key=lambda x: x.id).person.login if removed else ""
    return [Step(f"unlabelled:{active.id}:{active.version}", Cancelled("label_removed", by), f"person:{by}")]


def _changed(
    issue: Issue, asked: Sequence[LabelEntry], newest: int, rights: Mapping[int, Right], active: Task
) -> list[Decision]:
    steps: list[Decision] = []
    by_label = active.trigger in ("label", "retry")
    wanted = (matching.requirements(issue.labels) if by_label else ()) or active.requirements
    asks_priority = by_label or any(x.startswith("priority:") for x in issue.labels)
    said = matching.priority(issue.labels)
    urgency = said if asks_priority and said != active.priority_labels else active.priority
    now = Rerouted(wanted, urgency, max(newest, active.label_entry))
    if now != Rerouted(active.requirements, active.priority, active.label_entry):
        steps.append(Step(f"routed:{active.id}:{active.version}", now, "forge"))
    writers = [x for x in asked if _right(rights, x.person).may_write]
    if active.state is State.REQUESTED and writers:
        entry = writers[-1]
        approved = Approved(by=entry.person.login, prompt_sha256="")
        steps.append(Step(label_cause(issue, entry), approved, f"person:{entry.person.login}"))
    return steps


def _right(rights: Mapping[int, Right], person: Account) -> Right:
    return rights.get(person.id, Right.UNKNOWN)
