"""Finding what webhooks missed: the forge never sends one twice, so it is asked."""

import json
from typing import Final

import structlog

from bot.core.errors import Damaged, Refused, Unavailable
from bot.core.facts import Issue
from bot.core.states import State
from bot.service import issues, missed, pausing, pulls, repo_files
from bot.service.fleet import Fleet, ref
from bot.store import beats, forge_facts, inbox, pauses, tasks
from bot.store.forge_facts import KnownRepository
from bot.webhooks.look import LOOK

log = structlog.get_logger(__name__)

#: Forgejo's times have seconds; looking a little further back costs nothing, every step is idempotent.
_OVERLAP_SECS: Final = 5


def sweep(fleet: Fleet) -> None:
    """Looks at the watched repositories' own files, changed issues and comments, and at every pull request in review.

    What cannot be read now does not keep the rest from being swept. Raises Damaged, when all is done, for the first
    that can never be read.
    """
    damage: list[Damaged] = []
    for repo in fleet.read(forge_facts.watched):
        for part in (_files_of, _words_and_changes_in):
            try:
                part(fleet, repo)
            except (Unavailable, Refused) as problem:
                log.warning("sweep of a repository failed", repo=repo.full_name, reason=str(problem))
                damage += missed.damaged(problem)
    damage += missed.look_at_blocked(fleet)
    for task_id in fleet.read(lambda sql: tasks.ids_in_states(sql, [State.REVIEW.value])):
        try:
            task = fleet.read(lambda sql, of=task_id: tasks.get(sql, of))  # type: ignore[misc]
            if task.pull_request and task.state is State.REVIEW:
                pulls.look(fleet, task.repo_id, task.pull_request)
        except (Unavailable, Refused) as problem:
            log.warning("sweep of a pull request failed", task=task_id, reason=str(problem))
            damage += missed.damaged(problem)
    fleet.store.write(lambda sql: beats.beat(sql, "swept", fleet.clock()))
    if damage:
        raise damage[0]


def _files_of(fleet: Fleet, repo: KnownRepository) -> None:
    repo_files.refresh(fleet, repo.id)


def _words_and_changes_in(fleet: Fleet, repo: KnownRepository) -> None:
    since, damage = missed.begin(fleet, repo), list[Damaged]()
    heard = _changed_in(fleet, repo, since, damage)
    missed.hear_comments(fleet, repo, since, advance=heard)
    if damage:
        raise damage[0]


def _changed_in(fleet: Fleet, repo: KnownRepository, heard_since: float, damage: list[Damaged]) -> bool:
    """False when the command in some new text could not be heard: then all is read again by the next sweep.

    What can never be read is added to ``damage``.
    """
    latest, heard = repo.swept_to, True
    for issue in fleet.forge.issues.changed_since(ref(repo), max(0.0, repo.swept_to - _OVERLAP_SECS)):
        try:
            missed.hear_body(fleet, repo, issue, heard_since)
        except (Unavailable, Refused) as problem:
            heard = False
            log.warning("a text is heard again later", repo=repo.full_name, issue=issue.number, reason=str(problem))
            damage += missed.damaged(problem)
        try:
            _look(fleet, repo, issue)
        except (Unavailable, Refused) as problem:
            log.warning(
                "an issue is looked at again later", repo=repo.full_name, issue=issue.number, reason=str(problem)
            )
            damage += missed.damaged(problem)
            _keep(fleet, repo, issue)
        latest = max(latest, issue.updated_at)
    if heard and latest > repo.swept_to:
        fleet.store.write(lambda sql: forge_facts.swept(sql, repo.id, latest))
    return heard


def _look(fleet: Fleet, repo: KnownRepository, issue: Issue) -> None:
    if issue.is_pull:
        known = fleet.read(lambda sql: tasks.of_pull_request(sql, repo.id, issue.number, ""))
        if issue.is_open or (known is not None and not known.state.final):
            pulls.look(fleet, repo.id, issue.number)
        return
    known = fleet.read(lambda sql: tasks.newest_of_issue(sql, repo.id, issue.number))
    halted = fleet.read(
        lambda sql: pauses.find(sql, pauses.WHOLE_FLEET, "", pausing.label_source(repo.id, issue.number))
    )
    assigned = fleet.forge.me().login in issue.assignees
    if assigned or halted or issues.relevant(issue.labels, known):
        issues.look(fleet, repo.id, issue.number)


def _keep(fleet: Fleet, repo: KnownRepository, issue: Issue) -> None:
    """Into the inbox, as if a webhook had come: it is tried again there, and the sweep goes on behind it."""
    said = {"repository": {"id": repo.id, "full_name": repo.full_name}, "issue": {"number": issue.number}}
    delivery = f"sweep:{repo.id}:{issue.number}:{issue.updated_at}"
    body = json.dumps(said).encode()
    fleet.store.write(lambda sql: inbox.put(sql, delivery, LOOK, body, fleet.clock()))
