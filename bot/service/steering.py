"""Doing what a command asks for, within its step: every deed is events, rows and wishes, or a refusal."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.commands import context as c
from bot.core import cleaning, command_text, matching, policy_text, triggers
from bot.core import events as e
from bot.core.errors import Refused
from bot.core.facts import Account, Right
from bot.core.states import State
from bot.core.task import Task
from bot.service import answers, budgets, holding, pausing, policies
from bot.service.approving import Approval
from bot.service.fleet import Step
from bot.service.issues import open_task
from bot.service.operations import fresh_branch
from bot.service.record import record
from bot.service.subjects import Subject
from bot.store import bodies, inbox, messages, outbox, pauses, started
from bot.store import policies as rules
from bot.store.pauses import HoldRow, PauseRow
from bot.webhooks.look import LOOK


@dataclass(frozen=True)
class Scene:
    """Who says it, where, and what was read of the forge before.

    ``text_sha256`` is what the issue said when the command was written, "" = not known; ``written_at`` the forge's time
    of that. ``author_may``: the issue's author has write access, so whatever it says now may be given to an agent.
    ``blockers`` says what the issue waits for, "" = nothing; ``able`` who has a role that the person lacks.
    """

    subject: Subject
    person: Account
    right: Right
    place: answers.Place
    text_sha256: str = ""
    written_at: float = 0.0
    author_may: bool = False
    label_entry: int = 0
    blockers: str = ""
    able: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def actor(self) -> str:
        return f"person:{self.person.login}"


def do(step: Step, scene: Scene, deed: c.Deed, name: str, cause: str) -> None:
    """``name`` is the command's, ``cause`` unique for this deed. Raises Refused: then nothing of the comment counts."""
    match deed:
        case c.Start() | c.Release() | c.Again():
            _let_work(step, scene, deed, name, cause)
        case c.Stop():
            _record(step, scene, e.Cancelled("command", scene.person.login, deed.reason), cause)
        case c.Tell():
            _tell(step, scene, deed.words, cause)
        case c.Change():
            _change(step, scene, deed, cause)
        case c.Hold():
            row = HoldRow(holding.MANUAL, scene.person.login, deed.reason)
            issue, task = scene.subject.the_issue, _task(step, scene)
            holding.hold(step, issue.repo_id, issue.number, row, task, cause=cause, actor=scene.actor)
        case c.Unhold():
            issue, task = scene.subject.the_issue, _task(step, scene)
            holding.unhold(step, issue.repo_id, issue.number, holding.MANUAL, task, cause=cause, actor=scene.actor)
        case c.Refresh():
            refresh(step, scene.subject, cause)
        case c.Pause():
            _pause(step, scene, deed, cause)
        case c.Resume():
            repo = scene.subject.repo
            pausing.resume(step, pausing.scope_of(step.fleet, repo.full_name, repo.id), matching.full_name(deed.agent))


def look_again(step: Step, repo_id: int, full_name: str, number: int, key: str) -> None:
    """Puts a note into the inbox: this issue is to be looked at."""
    said = {"repository": {"id": repo_id, "full_name": full_name}, "issue": {"number": number}}
    inbox.put(step.sql, f"look:{key}", LOOK, json.dumps(said).encode(), step.now)


def refresh(step: Step, subject: Subject, key: str) -> None:
    """Everything shown of the task is compared with what is wanted, and the issue is read again."""
    task = subject.task(step.sql)
    if task is None:
        return
    where = f"{task.repo_id}#{task.issue}"
    for target in (f"label:{where}", f"comment:{where}", f"status:{task.repo_id}@{task.pushed_sha}"):
        outbox.check_again(step.sql, target, step.now)
    look_again(step, task.repo_id, subject.repo.full_name, task.issue, key)


def _let_work(step: Step, scene: Scene, deed: c.Start | c.Release | c.Again, name: str, cause: str) -> None:
    issue = scene.subject.the_issue
    if not issue.is_open:
        raise Refused(command_text.issue_closed(name))
    if scene.blockers:
        row = HoldRow(holding.BLOCKED, "", scene.blockers)
        pauses.hold(step.sql, issue.repo_id, issue.number, row, step.now)
    match deed:
        case c.Start():
            _start(step, scene, deed, cause)
        case c.Release():
            _release(step, scene, deed, cause)
        case c.Again():
            _allowed_agent(step, scene, deed.agent)
            task = _the_task(step, scene)
            budgets.check_retry(step, task)
            branch = fresh_branch(task) if deed.fresh else task.branch
            note = cleaning.readable(deed.note)
            event = e.RetryRequested(scene.person.login, deed.fresh, branch, deed.agent, note)
            _record(step, scene, event, cause)
            started.note(step.sql, cause, scene.person.id, issue.repo_id, step.now)


def _start(step: Step, scene: Scene, deed: c.Start, cause: str) -> None:
    issue, may = scene.subject.the_issue, scene.right.may_write
    most = policies.of(step.sql, issue.repo_id).max_open
    if most and rules.unfinished(step.sql, issue.repo_id) >= most:
        raise Refused(policy_text.too_many_open(most))
    _allowed_agent(step, scene, deed.agent)
    if may and not scene.author_may:
        known = scene.text_sha256
        if known and known != _digest(scene):
            raise Refused(command_text.changed_while_asked())
        may = bool(known)
    task = open_task(
        step,
        scene.subject.repo,
        issue,
        scene.person,
        may=may,
        trigger="command",
        cause=cause,
        requirements=matching.requirements(issue.labels),
        label_entry=scene.label_entry,
        last=_task(step, scene),
        base=deed.base,
        note=deed.note,
    )
    if deed.priority or deed.agent:
        _change(step, scene, c.Change(deed.priority, deed.agent), f"{cause}:as-asked", task)


def _release(step: Step, scene: Scene, deed: c.Release, cause: str) -> None:
    approval = Approval(
        step,
        _the_task(step, scene),
        scene.subject.the_issue,
        scene.person.login,
        text_sha256=scene.text_sha256,
        written_at=scene.written_at,
    )
    approval.give(deed.note, deed.commit, cause)


def _digest(scene: Scene) -> str:
    issue = scene.subject.the_issue
    return cleaning.digest(triggers.asked_text(issue.title, issue.body))


def _tell(step: Step, scene: Scene, words: str, cause: str) -> None:
    task = _the_task(step, scene)
    sha256 = bodies.put(step.sql, cleaning.readable(words))
    if task.state is State.WAITING:
        _record(step, scene, e.Answered(scene.person.login, sha256), cause)
        return
    _record(step, scene, e.Said(scene.person.login, sha256), cause)
    messages.put(step.sql, task.id, task.fence, scene.person.login, sha256)


def _change(step: Step, scene: Scene, deed: c.Change, cause: str, of: Task | None = None) -> None:
    if not deed.priority and not deed.agent:
        raise Refused(command_text.say_what_to_change())
    task, labels = of or _the_task(step, scene), scene.subject.the_issue.labels
    if deed.priority:
        wanted = matching.PRIORITIES[deed.priority]
        event = e.PrioritySet(scene.person.login, wanted, matching.priority(labels))
        task = record(step, task, event, cause=cause, actor=scene.actor)
    if deed.agent:
        _allowed_agent(step, scene, deed.agent)
        name = f"{cause}:agent" if deed.priority else cause
        record(step, task, e.Reserved(deed.agent), cause=name, actor=scene.actor)


def _pause(step: Step, scene: Scene, deed: c.Pause, cause: str) -> None:
    repo = scene.subject.repo
    row = PauseRow(
        repo_id=pausing.scope_of(step.fleet, repo.full_name, repo.id),
        agent=matching.full_name(deed.agent),
        source="command",
        person=scene.person.login,
        reason=cleaning.one_line(deed.reason, 300),
        url=scene.place.url,
        at=step.now,
        until=step.now + deed.secs if deed.secs else 0.0,
        reply=scene.place.target,
    )
    if deed.halt:
        pausing.halt(step, row, cause)
    else:
        pausing.pause(step, row)


def _allowed_agent(step: Step, scene: Scene, agent: str) -> None:
    allowed = policies.of(step.sql, scene.subject.repo.id)
    full = matching.full_name(agent)
    if agent and not policies.allows(allowed, full, full):
        raise Refused(command_text.agent_not_allowed(agent, allowed.agents))


def _record(step: Step, scene: Scene, event: e.Event, cause: str) -> Task:
    return record(step, _the_task(step, scene), event, cause=cause, actor=scene.actor)


def _task(step: Step, scene: Scene) -> Task | None:
    return scene.subject.task(step.sql)


def _the_task(step: Step, scene: Scene) -> Task:
    task = _task(step, scene)
    if task is None:
        raise LookupError("a command that needs a task was let through without one")
    return task
