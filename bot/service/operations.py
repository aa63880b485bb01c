"""What operators do to tasks: create, retry, cancel, hold, reserve, answer."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.core import events as e
from bot.core import matching, text, triggers, view
from bot.core.errors import Refused, Unavailable
from bot.core.facts import Account, Issue, LabelEntry, Repository
from bot.core.states import State
from bot.core.task import Task
from bot.forge import Missing
from bot.service import budgets, holding, repo_files
from bot.service.fleet import Fleet, Step, ref
from bot.service.issues import open_task
from bot.service.record import record
from bot.store import bodies, forge_facts, pauses, request_keys, tasks
from bot.store.forge_facts import KnownRepository

#: Longer than any request lasts: after that its process has died.
_BUSY_SECS: Final = 120
#: How far back an issue opened for the same request is looked for.
_LOOK_BACK_SECS: Final = 24 * 3600


@dataclass(frozen=True)
class _Wish:
    by: str
    key: str
    base: str
    capabilities: tuple[str, ...]
    priority: str


def create(
    fleet: Fleet,
    *,
    repo_name: str,
    issue: int = 0,
    title: str = "",
    prompt: str = "",
    base: str = "",
    capabilities: tuple[str, ...] = (),
    priority: str = "normal",
    by: str,
    key: str,
) -> tuple[Task, bool]:
    """A task for an issue, or for a new one that is opened for it; returns (task, is it new).

    The same ``key`` with the same request gives the same task, with another request 409. Raises Refused (404, 409),
    Unavailable.
    """
    wish = _Wish(by, key, base, capabilities, priority)
    asked = json.dumps([repo_name, issue, title, prompt, base, sorted(capabilities), priority])
    sha256 = hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()
    known = fleet.step(lambda step: _take_key(step, key, sha256))
    if known is not None:
        return known, False
    try:
        repo = fleet.remember(_repository(fleet, repo_name))
        repo_files.keep_fresh(fleet, repo.id)
        found = issue_for(fleet, repo, issue, title, prompt, key)
        entries = fleet.forge.issues.label_entries(ref(repo), found.number)
        return fleet.step(lambda step: (_create(step, repo, found, entries, wish), True))
    except (Refused, Unavailable):
        fleet.store.write(lambda sql: request_keys.free(sql, key))
        raise


def _create(step: Step, repo: KnownRepository, found: Issue, entries: Sequence[LabelEntry], wish: _Wish) -> Task:
    forge_facts.remember_issue(step.sql, found)
    labels = {*found.labels, f"priority:{wish.priority}"} if wish.priority != "normal" else found.labels
    offered = [f"agent:{c.removeprefix('agent:')}" for c in wish.capabilities]
    task = open_task(
        step,
        repo,
        replace(found, labels=frozenset(labels)),
        Account(0, wish.by),
        may=True,
        trigger="api",
        cause=f"api:{wish.key}",
        requirements=matching.requirements([*found.labels, *offered]),
        label_entry=triggers.newest_entry(entries),
        last=tasks.newest_of_issue(step.sql, repo.id, found.number),
        base=wish.base,
    )
    request_keys.fill(step.sql, wish.key, task.id)
    return task


def retry(fleet: Fleet, task_id: str, *, by: str, fresh: bool = False, agent: str = "", note: str = "") -> Task:
    """Another attempt on the same branch, or from the base on a new one (``fresh``). Raises Refused (404, 409)."""

    def command(step: Step) -> Task:
        task = step.task(task_id)
        budgets.check_retry(step, task)
        branch = fresh_branch(task) if fresh else task.branch
        event = e.RetryRequested(by=by, fresh=fresh, branch=branch, agent=agent, note=note)
        return record(step, task, event, cause=f"retry:{task.id}:{task.version}", actor=f"person:{by}")

    return fleet.step(command)


def cancel(fleet: Fleet, task_id: str, *, by: str, note: str = "") -> Task:
    """Stops the task, running or not. Raises Refused (404, 409 when it is over)."""

    def command(step: Step) -> Task:
        task = step.task(task_id)
        event = e.Cancelled("api", by, note)
        return record(step, task, event, cause=f"cancel:{task.id}:{task.version}", actor=f"person:{by}")

    return fleet.step(command)


def hold(fleet: Fleet, task_id: str, *, by: str, note: str = "") -> Task:
    """Keeps a waiting task out of the queue."""

    def command(step: Step) -> Task:
        task = step.task(task_id)
        cause = f"hold:{task.id}:{task.version}"
        return record(step, task, e.HoldPlaced(holding.MANUAL, note), cause=cause, actor=f"person:{by}")

    return fleet.step(command)


def unhold(fleet: Fleet, task_id: str, *, by: str) -> Task:
    """Lifts the hold that a person placed; another one keeps the task held."""

    def command(step: Step) -> Task:
        task = step.task(task_id)
        pauses.unhold(step.sql, task.repo_id, task.issue, holding.MANUAL)
        last = set(task.holds) <= {holding.MANUAL}
        event = e.Released() if last else e.HoldLifted(holding.MANUAL)
        return record(step, task, event, cause=f"unhold:{task.id}:{task.version}", actor=f"person:{by}")

    return fleet.step(command)


def assign(fleet: Fleet, task_id: str, *, agent: str, by: str) -> Task:
    """Reserves a task that has not started for one agent (an id or a type)."""

    def command(step: Step) -> Task:
        task = step.task(task_id)
        cause = f"assign:{task.id}:{task.version}"
        return record(step, task, e.Reserved(agent), cause=cause, actor=f"person:{by}")

    return fleet.step(command)


def say(fleet: Fleet, task_id: str, *, by: str, answer: str) -> Task:
    """Answers the agent's question: the task goes on with the agent that asked."""

    def command(step: Step) -> Task:
        task = step.task(task_id)
        if task.state is not State.WAITING:
            raise Refused(text.nothing_asked(), text.see_the_task(), 409, "not_waiting")
        event = e.Answered(by=by, answer_sha256=bodies.put(step.sql, answer))
        return record(step, task, event, cause=f"say:{task.id}:{task.version}", actor=f"person:{by}")

    return fleet.step(command)


def _take_key(step: Step, key: str, sha256: str) -> Task | None:
    """The task that this request has made; None when it is ours to make now. Raises Refused, Unavailable."""
    found = request_keys.find(step.sql, key)
    if found is not None and found.sha256 != sha256:
        raise Refused(text.key_used_otherwise(), text.use_another_key(), 409, "idempotency_key_reused")
    if found is not None and found.task_id:
        return tasks.get(step.sql, found.task_id)
    if found is not None and step.now - found.at < _BUSY_SECS:
        raise Unavailable(text.key_in_use(), retry_after=2)
    request_keys.take(step.sql, key, sha256, step.now)
    return None


def _repository(fleet: Fleet, name: str) -> Repository:
    try:
        return fleet.forge.repos.named(name)
    except Missing as missing:
        raise Refused(text.no_such_repository(name), text.add_the_bot(), 404, "no_such_repository") from missing


def issue_for(fleet: Fleet, repo: KnownRepository, number: int, title: str, prompt: str, key: str) -> Issue:
    """The issue to work on, or a new one; opened once, whatever happens to the answer (its text carries the key)."""
    if not number:
        marker = view.marker("opened", repo.id, int(hashlib.sha256(key.encode()).hexdigest()[:12], 16))
        for issue in fleet.forge.issues.changed_since(ref(repo), fleet.clock() - _LOOK_BACK_SECS):
            if marker in issue.body and issue.author.id == fleet.forge.me().id:
                return issue
        return fleet.forge.issues.open(ref(repo), title, f"{prompt}\n\n{marker}")
    try:
        found = fleet.forge.issues.get(ref(repo), number)
    except Missing as missing:
        raise Refused(text.no_such_issue(number), text.add_the_bot(), 404, "no_such_issue") from missing
    if found.is_pull:
        raise Refused(text.issue_is_pull(number), "", 422, "is_pull_request")
    if not found.is_open:
        raise Refused(text.issue_is_closed(number), text.reopen_it(), 409, "issue_closed")
    return found


def fresh_branch(task: Task) -> str:
    """The next name after the present one: ``fleet/7-login`` → ``fleet/7-login-r2`` → ``-r3``."""
    match = re.fullmatch(r"(.*)-r([0-9]+)", task.branch)
    stem, number = (match[1], int(match[2]) + 1) if match else (task.branch, 2)
    return f"{stem}-r{number}"
