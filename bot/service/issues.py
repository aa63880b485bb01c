"""Looking at an issue: from what the forge shows to what becomes of its task; every hint of any kind ends here."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence

from bot.core import cleaning, matching, triggers
from bot.core import events as e
from bot.core.facts import Account, Issue, LabelEntry, Right
from bot.core.task import State, Task
from bot.core.triggers import ArmLabelGrace, Start
from bot.core.triggers import Step as Wanted
from bot.forge import Missing
from bot.service import pulls, repo_files, rights
from bot.service.fleet import Fleet, Step, ref
from bot.service.record import label_key, opened, record
from bot.store import bodies, forge_facts, outbox, tasks, timers
from bot.store.forge_facts import KnownRepository
from bot.store.log import AlreadyHappened
from bot.store.timers import Timer


def look(fleet: Fleet, repo_id: int, number: int) -> None:
    """Reads the issue, who labelled it and what they may do, and takes the steps that follow.

    Asking twice changes nothing. Raises Unavailable when the forge does not answer: look again later.
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
    entries = _entries(fleet, repo, issue, known)
    people = triggers.people_to_check(issue, entries)
    held = {person.id: rights.right_of(fleet, repo, person) for person in people}
    if relevant(issue.labels, known):
        repo_files.keep_fresh(fleet, repo.id)
    fleet.step(lambda step: _take_steps(step, repo, issue, entries, held))


def relevant(labels: frozenset[str] | None, known: Task | None) -> bool:
    """False when an issue certainly has nothing to do with the fleet."""
    if known is not None and not known.state.final:
        return True
    return labels is None or any(matching.is_requirement(x) for x in labels)


def prompt_of(issue: Issue) -> str:
    """The text that an agent will be given: what the issue said when it was read."""
    return cleaning.storable(f"{issue.title}\n\n{issue.body}".strip())


def _entries(fleet: Fleet, repo: KnownRepository, issue: Issue, known: Task | None) -> list[LabelEntry]:
    if known is None and not any(matching.is_requirement(x) for x in issue.labels):
        return []
    return fleet.forge.issues.label_entries(ref(repo), issue.number)


def _take_steps(
    step: Step, repo: KnownRepository, issue: Issue, entries: Sequence[LabelEntry], held: Mapping[int, Right]
) -> None:
    forge_facts.remember_issue(step.sql, issue)
    task = tasks.newest_of_issue(step.sql, issue.repo_id, issue.number)
    due = timers.armed(step.sql, label_key(task.id)) if task else None
    grace_over = due is not None and due <= step.now
    if task and due is not None and matching.requirements(issue.labels):
        timers.disarm(step.sql, label_key(task.id))
    for decision in triggers.decide(issue, entries, held, task, grace_over=grace_over):
        with contextlib.suppress(AlreadyHappened):  # a replay, or a label that has started its task before
            match decision:
                case Start():
                    _start(step, repo, issue, entries, decision, task)
                case Wanted() if task:
                    event = decision.event
                    if isinstance(event, e.Approved):
                        event = dataclasses.replace(event, prompt_sha256=bodies.put(step.sql, prompt_of(issue)))
                    task = record(step, task, event, cause=decision.cause, actor=decision.by)
                case ArmLabelGrace() if task and due is None:
                    secs = step.fleet.settings.orchestrator.label_grace_secs
                    timers.arm(step.sql, Timer(label_key(task.id), "label_gone", step.now + secs, task.id, 0))
    if task is None or task.state.final:
        return
    _keep_label(step, issue, task)


def _start(
    step: Step, repo: KnownRepository, issue: Issue, entries: Sequence[LabelEntry], start: Start, last: Task | None
) -> Task:
    return open_task(
        step,
        repo,
        issue,
        start.by,
        may=start.right.may_write,
        trigger="label",
        cause=start.cause,
        requirements=matching.requirements(issue.labels),
        label_entry=triggers.newest_entry(entries),
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
) -> Task:
    """A new task: queued when the one who asked ``may``, else requested. Its repository is watched from now on."""
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
        prompt_sha256=bodies.put(step.sql, prompt_of(issue)),
        max_retries=step.fleet.settings.orchestrator.default_max_retries,
        label_entry=label_entry,
    )
    task = opened(step, event, cause=cause, actor=f"person:{by.login}" if by.id else "api")
    forge_facts.watch(step.sql, repo.id)
    return task


def _keep_label(step: Step, issue: Issue, task: Task) -> None:
    """A state label that somebody changed by hand is put back: labels are a display."""
    target = f"label:{task.repo_id}#{task.issue}"
    wish = outbox.find(step.sql, target)
    shown = {x for x in issue.labels if x.startswith("fleet/") and x not in ("fleet/hold", "fleet/halt")}
    if wish and wish.sent_at and shown != {wish.wish["name"]} and issue.updated_at > wish.sent_at:
        outbox.forget_sent(step.sql, target)


def _gone(fleet: Fleet, repo: KnownRepository, number: int) -> None:
    def command(step: Step) -> None:
        task = tasks.newest_of_issue(step.sql, repo.id, number)
        if task and not task.state.final:
            with contextlib.suppress(AlreadyHappened):
                record(step, task, e.Cancelled("gone", ""), cause=f"gone:{task.id}:{task.version}", actor="forge")

    fleet.step(command)
