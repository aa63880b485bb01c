"""What a repository says about its agents: files of its default branch, and of nothing else (decision 22).

Read from the forge when the branch is pushed to, when work is opened or handed out, and by the sweep; never inside
a transaction. While the forge does not answer, the last good ones count: not to be reached is not gone.
"""

from collections.abc import Mapping
from typing import Final

import structlog

from bot.core import prompt
from bot.core import prompt_text as text
from bot.core.errors import Refused, Unavailable
from bot.forge import RepoRef
from bot.service import policies, prompts
from bot.service.fleet import Fleet, Step, ref
from bot.store import Sql
from bot.store import repo_files as store
from bot.store.forge_facts import KnownRepository
from bot.store.repo_files import RepoFile, Tip
from bot.store.wakeups import WORK

log = structlog.get_logger(__name__)

POLICY: Final = ".forgejo/fleet.toml"
PROMPT: Final = prompt.PATH
#: Everything that is read.
PATHS: Final = (POLICY, PROMPT)
MAX_BYTES: Final = 64 * 1024
#: What is known is good for so long, then the forge is asked again before it counts.
FRESH_SECS: Final = 60.0
_TRIES: Final = 3


def latest(sql: Sql, repo_id: int, path: str) -> RepoFile | None:
    """The file as last read; None when the repository's files were never read (not the same as no file)."""
    return store.get(sql, repo_id, path)


def known(fleet: Fleet, repo_id: int) -> bool:
    """Whether the files of the repository were ever read."""
    tip = fleet.read(lambda sql: store.tip(sql, repo_id))
    return tip is not None and tip.read_at > 0


def stale(fleet: Fleet, repo_id: int) -> bool:
    """Whether ``keep_fresh`` would read the files."""
    return _stale(fleet.read(lambda sql: store.tip(sql, repo_id)), fleet.clock())


def _stale(tip: Tip | None, now: float) -> bool:
    return tip is None or not now - FRESH_SECS < tip.tried_at <= now


def keep_fresh(fleet: Fleet, repo_id: int) -> None:
    """Reads the files when what is known is older than a minute; one of several callers does it for all.

    Without an answer from the forge everything stays as it is known, and it is asked again a minute later.
    """
    now = fleet.clock()
    tip = fleet.read(lambda sql: store.tip(sql, repo_id))
    if not _stale(tip, now):
        return
    if not fleet.store.write(lambda sql: store.trying(sql, repo_id, now, tip.tried_at if tip else now)):
        return
    try:
        refresh(fleet, repo_id)
    except (Unavailable, Refused) as problem:
        log.warning("a repository's own files are used as last read", repo=repo_id, reason=str(problem))


def refresh(fleet: Fleet, repo_id: int) -> tuple[str, ...]:
    """Reads the files at the default branch's tip; returns the paths whose content is not what it was.

    Raises Unavailable when the forge does not answer, Refused when it does not let us: then nothing is changed.
    """
    for _ in range(_TRIES):
        changed = _refresh(fleet, repo_id)
        if changed is not None:
            return changed
    return ()


def _refresh(fleet: Fleet, repo_id: int) -> tuple[str, ...] | None:
    """None when somebody else has read them meanwhile: ours may be the older ones."""
    before = fleet.read(lambda sql: store.tip(sql, repo_id))
    try:
        repo = fleet.remember(fleet.forge.repos.by_id(repo_id))
        sha = fleet.forge.files.tip(ref(repo), repo.default_branch)
        if before is not None and before.read_at and (before.branch, before.sha) == (repo.default_branch, sha):
            found: dict[str, RepoFile] = {}
        else:
            found = {path: _read(fleet, ref(repo), path, sha) for path in PATHS}
    except (Unavailable, Refused) as problem:
        said = str(problem)
        fleet.store.write(lambda sql: store.failed(sql, repo_id, said))
        raise
    return fleet.step(lambda step: _keep(step, repo, before, sha, found))


def _keep(
    step: Step, repo: KnownRepository, before: Tip | None, sha: str, found: Mapping[str, RepoFile]
) -> tuple[str, ...] | None:
    now = store.tip(step.sql, repo.id)
    if now is not None and (now.sha, now.branch) != ((before.sha, before.branch) if before else ("", "")):
        return None
    changed = []
    for path, file in found.items():
        was = store.get(step.sql, repo.id, path)
        if was is None or (was.text, was.error) != (file.text, file.error):
            changed.append(path)
        store.put(step.sql, repo.id, path, file)
        if path == POLICY:
            policies.take(step, repo.id, file)
    store.read(step.sql, repo.id, repo.default_branch, sha, step.now)
    if before is None or not before.read_at:
        step.sql.wake(WORK)  # what waits here can be handed out from now on
    if PROMPT in changed:
        prompts.mended(step, repo.id)
    return tuple(changed)


def _read(fleet: Fleet, repo: RepoRef, path: str, sha: str) -> RepoFile:
    """The file at the commit; one that cannot be used is there, with the reason."""
    found = fleet.forge.files.read(repo, path, sha, at_most=MAX_BYTES) if sha else None
    if found is None:
        return RepoFile(None, "", "", sha, existed=False)
    if found.data is None:
        error = text.file_too_large(path, found.size, MAX_BYTES) if found.size else text.not_a_file(path)
        return RepoFile(None, error, found.sha, sha, existed=True)
    try:
        return RepoFile(found.data.decode("utf-8-sig"), "", found.sha, sha, existed=True)
    except UnicodeDecodeError as problem:
        return RepoFile(None, text.not_utf8(path, problem.start), found.sha, sha, existed=True)
