"""Commands and closed blockers that no webhook told of: the same functions as for webhooks, the same keys."""

from typing import Final

import structlog

from bot.commands import grammar
from bot.core.errors import Damaged, Refused, Unavailable
from bot.core.facts import Comment, Issue
from bot.service import hearing, issues
from bot.service.fleet import Fleet, ref
from bot.store import commands, pauses
from bot.store.forge_facts import KnownRepository
from bot.webhooks.hints import Way, Words

log = structlog.get_logger(__name__)

#: Comments are read again this far back, on the forge's clock: a second sight of one changes nothing.
_OVERLAP_SECS: Final = 300


def begin(fleet: Fleet, repo: KnownRepository) -> float:
    """The forge's time from which comments and bodies of this repository count; set at the first sweep."""
    since = fleet.read(lambda sql: commands.swept_to(sql, repo.id))
    if since is None:
        since = fleet.clock()
        fleet.store.write(lambda sql: commands.swept(sql, repo.id, since))
    return max(0.0, since - _OVERLAP_SECS)


def hear_comments(fleet: Fleet, repo: KnownRepository, since: float, *, advance: bool = True) -> None:
    """Hears every comment since ``since``. When one cannot be heard now, all are read again by the next sweep.

    ``advance`` False: they are read again in any case. Raises Damaged, when all is done, for the first that can
    never be.
    """
    latest, failed, damage = 0.0, not advance, list[Damaged]()
    for comment in fleet.forge.issues.comments_changed_since(ref(repo), since):
        latest = max(latest, comment.updated_at)
        if not comment.number or not grammar.has_commands(comment.body):
            continue
        try:
            hearing.hear(fleet, _words(repo, comment), written_at=comment.created_at)
        except (Unavailable, Refused) as problem:
            failed = True
            log.warning("a comment is heard again later", repo=repo.full_name, comment=comment.id, reason=str(problem))
            damage += damaged(problem)
    if latest and not failed:
        fleet.store.write(lambda sql: commands.swept(sql, repo.id, latest))
    if damage:
        raise damage[0]


def hear_body(fleet: Fleet, repo: KnownRepository, issue: Issue, since: float) -> None:
    """Hears a new issue or pull request, with no more than write rights: it may have been edited since."""
    if issue.created_at >= since and grammar.has_commands(issue.body):
        words = Words(
            repo_id=repo.id,
            repo=repo.full_name,
            number=issue.number,
            way=Way.BODY,
            comment_id=0,
            author=issue.author,
            body=issue.body,
            url=issue.html_url,
            is_pull=issue.is_pull,
            certain=False,
        )
        hearing.hear(fleet, words, written_at=issue.created_at)


def look_at_blocked(fleet: Fleet) -> list[Damaged]:
    """Looks at every issue that waits for others: there is no webhook for dependencies.

    Returns what can never be read, for the sweep to end with.
    """
    damage: list[Damaged] = []
    for repo_id, number in fleet.read(lambda sql: pauses.held_issues(sql, "blocked")):
        try:
            issues.look(fleet, repo_id, number)
        except (Unavailable, Refused) as problem:
            log.warning("an issue that waits for others is looked at again later", issue=number, reason=str(problem))
            damage += damaged(problem)
    return damage


def damaged(problem: Exception) -> list[Damaged]:
    """``problem`` when trying again will not help; what goes on all the same lets it be seen at its end."""
    return [problem] if isinstance(problem, Damaged) else []


def _words(repo: KnownRepository, comment: Comment) -> Words:
    """An edited comment runs nothing: who edited it is not known."""
    return Words(
        repo_id=repo.id,
        repo=repo.full_name,
        number=comment.number,
        way=Way.EDIT if comment.edited else Way.COMMENT,
        comment_id=comment.id,
        author=comment.author,
        body=comment.body,
        url=comment.html_url,
        is_pull=False,
        certain=False,
    )
