"""Buttons: the same deeds as slash-commands, by a person who looked at the task's page."""

from dataclasses import dataclass, replace

from bot.commands import context as c
from bot.core import buttons, cleaning, gates, triggers
from bot.core import task_page_text as text
from bot.core import text as forge_text
from bot.core.buttons import Button
from bot.core.errors import Refused
from bot.core.facts import Account, Issue, Right
from bot.core.states import State
from bot.core.task import Task
from bot.forge import Missing
from bot.service import blocking, policies, rights, steering, subjects
from bot.service.answers import Place
from bot.service.fleet import Fleet, Step
from bot.service.steering import Scene
from bot.service.subjects import Subject
from bot.store import bodies, log, tasks
from bot.store.forge_facts import KnownRepository
from bot.store.log import AlreadyHappened


@dataclass(frozen=True)
class Press:
    """``words`` are what was typed beside the button, ``version`` the task's as it was looked at.

    ``prompt_sha256`` is the text that was there to read, ``commit`` the change that waits: an approval is of those.
    """

    name: str
    version: int
    words: str = ""
    prompt_sha256: str = ""
    commit: str = ""


@dataclass(frozen=True)
class Presser:
    """``right`` None: a person of the forge, to be asked about where it matters; else an operator's."""

    person: Account
    right: Right | None = None


def press(fleet: Fleet, task_id: str, what: Press, by: Presser) -> None:
    """Does it once, however often the same page's button is pressed. Whether ``by`` may write there was asked before.

    Raises Refused when it is not possible (any more), Unavailable when the forge must be asked and does not answer.
    """
    button = buttons.named(what.name)
    if button is None:
        raise Refused(text.no_such_button(), "", 404, "no_such_button")
    task = fleet.read(lambda sql: tasks.get(sql, task_id))
    words = cleaning.readable(what.words, 20_000).strip()
    if button.name == "say" and not words:
        raise Refused(text.say_something(), text.write_something(), 422, "fields")
    repo = fleet.repo(task.repo_id)
    scene = _asked(fleet, repo, task, by) if button.starts else _known(repo, task, by)
    cause = f"press:{task.id}:{what.version}:{button.name}:{cleaning.digest(words)[:12]}"
    try:
        fleet.step(lambda step: _do(step, scene, task_id, button, what, words, cause))
    except AlreadyHappened:
        return


def _do(step: Step, scene: Scene, task_id: str, button: Button, what: Press, words: str, cause: str) -> None:
    task = step.task(task_id)
    newest = tasks.newest_of_issue(step.sql, task.repo_id, task.issue)
    if newest is not None and newest.id != task.id:
        raise Refused(text.a_newer_one(), text.go_to_newer(), 409, "superseded")
    if log.happened(step.sql, cause):
        raise AlreadyHappened(cause)
    if button not in buttons.possible(task):
        raise Refused(text.not_now(button.name, task.state.value), text.look_again(), 409, "not_now")
    operates = scene.right is Right.ADMIN and scene.person.id == 0
    if button.starts and not operates and not policies.lets(step.sql, task.repo_id, scene.person, scene.right):
        raise Refused(text.may_not_start(scene.subject.repo.full_name), text.ask_who_may(), 403, "may_not_start")
    if button.starts and task.state is not State.REQUESTED and what.version != task.version:
        # by now it may wait for something else, or have ended otherwise; a request is bound to its text instead
        raise Refused(text.changed_meanwhile(), text.look_again(), 409, "changed")
    if button.name == "approve":
        scene = _as_read(step, scene, task, what.prompt_sha256)
    steering.do(step, scene, _deed(button.name, words, what.commit), button.name, cause)


def _deed(name: str, words: str, commit: str) -> c.Deed:
    deeds: dict[str, c.Deed] = {
        "approve": c.Release(commit=commit),
        "say": c.Tell(words),
        "retry": c.Again("", False, words),
        "unhold": c.Unhold(),
        "hold": c.Hold(words),
        "cancel": c.Stop(words),
    }
    return deeds[name]


def _asked(fleet: Fleet, repo: KnownRepository, task: Task, by: Presser) -> Scene:
    """What lets an agent work needs the issue and the person's right as the forge has them now."""
    try:
        subject = subjects.find(fleet, repo, task.issue)
    except Missing as missing:
        raise Refused(forge_text.no_such_issue(task.issue), forge_text.add_the_bot(), 409, "no_such_issue") from missing
    right = by.right or rights.right_of(fleet, repo, by.person)
    place = Place(repo.id, task.issue, 0)
    return Scene(subject, by.person, right, place, blockers=blocking.reason(fleet, repo, task.issue))


def _known(repo: KnownRepository, task: Task, by: Presser) -> Scene:
    """What only stops or waits must also work while the forge does not answer."""
    issue = Issue(repo.id, task.issue, "", "", Account(0, ""), frozenset(), True, 0.0, 0.0, "")
    subject = Subject(repo, task.issue, issue)
    return Scene(subject, by.person, by.right or Right.WRITE, Place(repo.id, task.issue, 0))


def _as_read(step: Step, scene: Scene, task: Task, seen_sha256: str) -> Scene:
    """With the digest of the issue's text, when that is what the person has read. Raises Refused."""
    if task.state is State.HELD and gates.LABEL not in task.holds:
        return scene
    issue = scene.subject.the_issue
    asked = triggers.asked_text(issue.title, issue.body)
    now = triggers.with_note(asked, bodies.get(step.sql, task.note_sha256))
    if not seen_sha256 or cleaning.digest(cleaning.storable(now)) != seen_sha256:
        raise Refused(text.text_was_changed(), text.read_it_again(), 409, "text_changed")
    return replace(scene, text_sha256=cleaning.digest(asked))
