"""The mirror of a repository, reached under the name that the repository has now."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from bot.core import text
from bot.core.errors import Refused, Unavailable
from bot.execution.git import GitFailed, GitTimedOut
from bot.execution.gitmirror import GitMirror
from bot.forge import Missing
from bot.service.fleet import Fleet
from bot.store.forge_facts import KnownRepository

T = TypeVar("T")

#: After a git command that was stopped for taking too long.
_RETRY_SECS: Final = 30.0
# Git follows no redirect of ours, so a renamed repository may show as one.
_GONE: Final = re.compile(r"not found|returned error: (?:404|30[1278])|unable to update url base", re.IGNORECASE)


def with_mirror(fleet: Fleet, repo_id: int, use: Callable[[GitMirror], T]) -> T:
    """What ``use`` makes of the mirror; asked once more under the new name when the forge does not find the old one.

    So ``use`` may run twice. Raises Unavailable when git took too long or the forge does not answer, Refused (422)
    when git or the forge says no.
    """
    try:
        try:
            return use(fleet.mirror(fleet.repo(repo_id)))
        except GitFailed as failed:
            if not _GONE.search(failed.stderr_tail):
                raise
            return use(fleet.mirror(_looked_up(fleet, repo_id, failed)))
    except GitTimedOut as slow:
        raise Unavailable(str(slow), retry_after=_RETRY_SECS) from slow
    except GitFailed as failed:
        raise Refused(text.git_refused(failed.stderr_tail), text.check_the_repository(), 422, "git_refused") from failed


def _looked_up(fleet: Fleet, repo_id: int, failed: GitFailed) -> KnownRepository:
    try:
        return fleet.remember(fleet.forge.repos.by_id(repo_id))
    except Missing:
        raise failed from None


def fetched(fleet: Fleet, repo_id: int) -> GitMirror:
    """The mirror with the forge's branches as they are now. Raises as ``with_mirror``."""

    def fetch(mirror: GitMirror) -> GitMirror:
        mirror.fetch()
        return mirror

    return with_mirror(fleet, repo_id, fetch)
