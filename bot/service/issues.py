"""Looking at an issue: from what the forge shows to what becomes of its task; every hint of any kind ends here."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.core import cleaning, matching, triggers
from bot.core import events as e
from bot.core.facts import Account, Issue, LabelEntry, Right
from bot.core.states import State
from bot.core.task import Task
from bot.core.triggers import ArmLabelGrace, Start
from bot.core.triggers import Step as Wanted
from bot.forge import Missing
from bot.forge.issues import ASSIGNED
from bot.service import blocking, holding, pausing, policies, pulls, rate_limits, repo_files, rights
from bot.service.fleet import Fleet, Step, ref
from bot.service.record import keep_out, label_key, opened, record
from bot.store import bodies, forge_facts, outbox, pauses, started, tasks, timers
from bot.store.forge_facts import KnownRepository
from bot.store.log import AlreadyHappened
from bot.store.pauses import HoldRow
from bot.store.timers import Timer

#: Labels that people steer with, beside those that ask for agents.
HOLD: Final = "fleet/hold"
HALT: Final = "fleet/halt"


@dataclass(frozen=True)
class Seen:
    """An issue and what was asked of the forge about it, before the step.

    ``blockers`` is what it waits for, "" = nothing, None = not asked. ``author_may``: its author has write access.
    ``text_at``: up to this time (the forge's) it said what it says now, 0 = that is not known.
    """

    issue: Issue
    entries: Sequence[LabelEntry]
    rights: Mapping[int, Right]
    blockers: str | None
    author_may: bool
    text_at: float

    @property
    def text(self) -> str:
        return triggers.asked_text(self.issue.title, self.issue.body)

    def certain(self, at: float) -> bool:
        """Whether what the issue says now is what it said when somebody with write access wanted it at ``at``."""
        return self.author_may or (0 < self.text_at <= at + 1)


def look(fleet: Fleet, repo_id: int, number: int, *, text_sha256: str = "", text_at: float = 0.0) -> None:
    """Reads the issue, who labelled it and what they may do, and takes the steps that follow.

    ``text_sha256`` is what a webhook has said of its text at ``text_at``. Asking twice changes nothing. Raises
    Unavailable when the forge does not answer: look again later.
    """
    repo = fleet.repo(repo_id)
    known = fleet.read(lambda sql: tasks.newest_of_issue(sql, repo_id, number))
    try:
        issue = fleet.forge.issues.get(ref(repo), number)
    except Missing:
        _gone(fleet, repo, number)
        return
    if issue.is_pull:
        pulls.look(fleet, repo_id, number)
        return
    if known is not None and known.state is State.REVIEW and known.pull_request and not issue.is_open:
        pulls.look(fleet, repo_id, known.pull_request)
    if fleet.forge.me().login in issue.assignees:
        issue = dataclasses.replace(issue, labels=issue.labels | {ASSIGNED})
    if relevant(issue.labels, known) and repo_files.stale(fleet, repo.id):
        _, seen = fleet.asking.at_once(
            lambda: repo_files.keep_fresh(fleet, repo.id),
            lambda: _seen(fleet, repo, issue, known, text_sha256, text_at),
        )
    else:
        seen = _seen(fleet, repo, issue, known, text_sha256, text_at)
    fleet.step(lambda step: _take_steps(step, repo, seen))


def relevant(labels: frozenset[str] | None, known: Task | None) -> bool:
    """False when an issue certainly has nothing to do with the fleet."""
    if known is not None and not known.state.final:
        return True
    return labels is None or HALT in labels or any(matching.is_requirement(x) for x in labels)


def _seen(
    fleet: Fleet, repo: KnownRepository, issue: Issue, known: Task | None, text_sha256: str, text_at: float
) -> Seen:
    entries = _entries(fleet, repo, issue, known)
    people = triggers.people_to_check(issue, entries)
    halting = [x for x in entries if x.label == HALT and x.added]
    checked = {*people, *(x.person for x in halting)}
    waits = known is None or known.state in (State.REQUESTED, State.QUEUED, State.HELD) or known.state.final

    def blocked() -> str | None:
        return blocking.reason(fleet, repo, issue.number) if issue.is_open and entries and waits else None

    def may() -> dict[int, Right]:
        return {x.id: rights.right_of(fleet, repo, x) for x in checked}

    blockers, held = fleet.asking.at_once(blocked, may) if checked else (blocked(), {})
    author_may = False
    if people:
        author = held.get(issue.author.id)
        author_may = (author or rights.right_of(fleet, repo, issue.author)).may_write
        author_may = author_may or issue.author.id == fleet.forge.me().id
    same = text_sha256 == cleaning.digest(triggers.asked_text(issue.title, issue.body))
    return Seen(issue, entries, held, blockers, author_may, text_at if same else 0.0)


def _entries(fleet: Fleet, repo: KnownRepository, issue: Issue, known: Task | None) -> list[LabelEntry]:
    if known is None and not relevant(issue.labels, None):
        return []
    return fleet.forge.issues.label_entries(ref(repo), issue.number)


def _take_steps(step: Step, repo: KnownRepository, seen: Seen) -> None:
    issue = seen.issue
    forge_facts.remember_issue(step.sql, issue)
    forge_facts.text_seen(step.sql, issue.repo_id, issue.number, cleaning.digest(seen.text), issue.updated_at)
    _switch(step, repo, seen)
    task = _hold_or_let_go(step, seen, tasks.newest_of_issue(step.sql, issue.repo_id, issue.number))
    task = _void(step, seen, task)
    task = keep_out(step, task) if task else None
    due = timers.armed(step.sql, label_key(task.id)) if task else None
    grace_over = due is not None and due <= step.now
    if task and due is not None and matching.requirements(issue.labels):
        timers.disarm(step.sql, label_key(task.id))
    allowed = {x.person.id: x.person for x in seen.entries}
    may = {n: r if policies.lets(step.sql, repo.id, allowed[n], r) else Right.READ for n, r in seen.rights.items()}
    for decision in triggers.decide(issue, seen.entries, may, task, grace_over=grace_over):
        with contextlib.suppress(AlreadyHappened):  # a replay, or a label that has started its task before
            match decision:
                case Start() if not _too_much(step, seen, decision):
                    _start(step, repo, seen, decision, task)
                case Wanted() if task:
                    task = _one_step(step, seen, task, decision)
                case ArmLabelGrace() if task and due is None:
                    secs = step.fleet.settings.orchestrator.label_grace_secs
                    timers.arm(step.sql, Timer(label_key(task.id), "label_gone", step.now + secs, task.id, 0))
    if task is None or task.state.final:
        return
    _keep_label(step, seen, task)


def _one_step(step: Step, seen: Seen, task: Task, wanted: Wanted) -> Task:
    event = wanted.event
    if isinstance(event, e.Approved):
        set_at = max((x.at for x in seen.entries if triggers.label_cause(seen.issue, x) == wanted.cause), default=0.0)
        if not seen.certain(set_at):
            return task  # which text that person has read is not known: it takes `/fleet approve`
        prompt = triggers.with_note(seen.text, bodies.get(step.sql, task.note_sha256))
        event = dataclasses.replace(event, prompt_sha256=bodies.put(step.sql, prompt))
    return record(step, task, event, cause=wanted.cause, actor=wanted.by)


def _switch(step: Step, repo: KnownRepository, seen: Seen) -> None:
    """`fleet/halt` in the control repository: counts when somebody with admin rights put it there."""
    if pausing.scope_of(step.fleet, repo.full_name, repo.id):
        return
    last = [x for x in seen.entries if x.label == HALT and x.added][-1:]
    allowed = [x for x in last if seen.rights.get(x.person.id) is Right.ADMIN]
    there = seen.issue.is_open and HALT in seen.issue.labels
    by = allowed[0].person if allowed else seen.issue.author
    if not there or allowed:
        pausing.label(step, repo.id, seen.issue.number, by, seen.issue.html_url, there)


def _hold_or_let_go(step: Step, seen: Seen, task: Task | None) -> Task | None:
    """What lies on the issue: the label `fleet/hold`, and open issues that it waits for."""
    issue = seen.issue
    wanted = {holding.LABEL: "" if HOLD in issue.labels else None}
    if seen.blockers is not None:
        wanted[holding.BLOCKED] = seen.blockers or None
    for name, note in wanted.items():
        there = {x.hold: x for x in pauses.holds(step.sql, issue.repo_id, issue.number)}.get(name)
        key = f"{name}:{task.id}:{task.version}" if task else name
        if note is not None and (there is None or there.note != note):
            row = HoldRow(name, "", note)
            holding.hold(step, issue.repo_id, issue.number, row, task, cause=key, actor="forge")
        elif note is None and there is not None:
            holding.unhold(step, issue.repo_id, issue.number, name, task, cause=key, actor="forge")
        task = tasks.newest_of_issue(step.sql, issue.repo_id, issue.number)
    return task


def _void(step: Step, seen: Seen, task: Task | None) -> Task | None:
    """An approval is good for the text that was approved, until an agent has it."""
    if task is None or task.state not in (State.REQUESTED, State.QUEUED, State.HELD):
        return task
    if task.state is not State.REQUESTED and (not task.approved_by or task.fence):
        return task
    prompt = triggers.with_note(seen.text, bodies.get(step.sql, task.note_sha256))
    if cleaning.digest(prompt) == task.prompt_sha256:
        return task
    event = e.ApprovalVoided(task.approved_by, bodies.put(step.sql, prompt))
    return record(step, task, event, cause=f"void:{task.id}:{task.version}", actor="forge")


def _too_much(step: Step, seen: Seen, start: Start) -> bool:
    issue = seen.issue
    return rate_limits.label_refused(step, issue.repo_id, issue.number, start.by, start.right, start.cause)


def _start(step: Step, repo: KnownRepository, seen: Seen, start: Start, last: Task | None) -> Task:
    return open_task(
        step,
        repo,
        seen.issue,
        start.by,
        may=start.right.may_write and seen.certain(start.at),
        trigger="label",
        cause=start.cause,
        requirements=matching.requirements(seen.issue.labels),
        label_entry=triggers.newest_entry(seen.entries),
        last=last,
    )


def open_task(
    step: Step,
    repo: KnownRepository,
    issue: Issue,
    by: Account,
    *,
    may: bool,
    trigger: str,
    cause: str,
    requirements: tuple[str, ...],
    label_entry: int,
    last: Task | None,
    base: str = "",
    note: str = "",
) -> Task:
    """A new task: queued when the one who asked ``may``, else requested. Its repository is watched from now on.

    ``note`` is what that person added to the issue's text.
    """
    kept = cleaning.readable(note).strip()
    prompt = triggers.with_note(triggers.asked_text(issue.title, issue.body), kept)
    generation = last.generation + 1 if last else 1
    suffix = f"-{generation}" if generation > 1 else ""
    prefix = step.fleet.settings.orchestrator.branch_prefix
    event_type = e.TaskCreated if may else e.TaskRequested
    event = event_type(
        repo_id=issue.repo_id,
        issue=issue.number,
        requirements=requirements,
        priority=matching.priority(issue.labels),
        trigger=trigger,
        asked_by=by.login,
        asked_by_id=by.id,
        branch=f"{prefix}{issue.number}-{cleaning.slug(issue.title)}{suffix}",
        generation=generation,
        base=base or repo.default_branch,
        prompt_sha256=bodies.put(step.sql, prompt),
        max_retries=step.fleet.settings.orchestrator.default_max_retries,
        label_entry=label_entry,
        note_sha256=bodies.put(step.sql, kept) if kept else "",
    )
    task = opened(step, event, cause=cause, actor=f"person:{by.login}" if by.id else "api")
    forge_facts.watch(step.sql, repo.id)
    if by.id:
        started.note(step.sql, cause, by.id, repo.id, step.now)
    return task


def _keep_label(step: Step, seen: Seen, task: Task) -> None:
    """A state label that somebody changed by hand is put back: labels are a display. The log says who it was."""
    target = f"label:{task.repo_id}#{task.issue}"
    wish = outbox.find(step.sql, target)
    shown = {x for x in seen.issue.labels if x.startswith("fleet/") and x not in (HOLD, HALT)}
    if not wish or not wish.sent_at or shown == {wish.wish["name"]} or seen.issue.updated_at <= wish.sent_at:
        return
    if outbox.forget_sent(step.sql, target):
        me = step.fleet.forge.me().id
        hands = [x for x in seen.entries if x.label.startswith("fleet/") and x.person.id != me]
        event = e.DisplayRepaired("label", ", ".join(sorted(shown)), hands[-1].person.login if hands else "")
        record(step, task, event, cause=f"label-repaired:{task.id}:{task.version}", actor="fleet")


def _gone(fleet: Fleet, repo: KnownRepository, number: int) -> None:
    def command(step: Step) -> None:
        task = tasks.newest_of_issue(step.sql, repo.id, number)
        if task and not task.state.final:
            with contextlib.suppress(AlreadyHappened):
                record(step, task, e.Cancelled("gone", ""), cause=f"gone:{task.id}:{task.version}", actor="forge")

    fleet.step(command)
