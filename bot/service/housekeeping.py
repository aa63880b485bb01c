"""What is kept only for a while: once a day it is thrown away, so that nothing grows for ever."""

from collections.abc import Callable
from typing import Final

import structlog

from bot.core.errors import Refused, Unavailable
from bot.execution.git import GitFailed, GitTimedOut
from bot.service import retention
from bot.service.artifacts import drop_unwanted
from bot.service.fleet import Fleet
from bot.store import (
    Sql,
    artifacts,
    attempts,
    forge_facts,
    given_prompts,
    inbox,
    job_sessions,
    notices,
    request_keys,
    run_logs,
    started,
    web_sessions,
)
from bot.store.forge_facts import KnownRepository

log = structlog.get_logger(__name__)

_DAY_SECS: Final = 24 * 3600.0
_KEEP_KEYS_DAYS: Final = 30
_KEEP_STARTS_DAYS: Final = 2
#: Rows deleted in one transaction: others write meanwhile.
_AT_ONCE: Final = 1000

Forget = Callable[[Sql, float, int], int]


def tidy(fleet: Fleet, go_on: Callable[[], bool] = lambda: True) -> None:
    """Deletes old rows and artifacts, files of uploads that broke off, and results in mirrors whose task has ended.

    ``go_on`` is asked between the parts. Safe at any time, any number of times; a mirror that cannot be tidied now
    does not keep the rest from being.
    """
    kept = fleet.settings.orchestrator
    _forget(fleet, inbox.forget_done, kept.keep_payloads_days, go_on)
    _forget(fleet, request_keys.forget, _KEEP_KEYS_DAYS, go_on)
    _forget(fleet, notices.forget, _KEEP_KEYS_DAYS, go_on)
    _forget(fleet, started.forget, _KEEP_STARTS_DAYS, go_on)
    _forget(fleet, run_logs.forget, kept.keep_logs_days, go_on)
    _forget(fleet, given_prompts.forget, kept.keep_logs_days, go_on)
    fleet.store.write(lambda sql: job_sessions.forget(sql, fleet.clock()))
    _forget_web_sessions(fleet)
    _forget(fleet, artifacts.forget, kept.keep_logs_days, go_on)
    retention.hold_limits(fleet, go_on)
    _drop_uploads(fleet)
    drop_unwanted(fleet, fleet.clock() - _DAY_SECS)
    for repo in fleet.read(forge_facts.repos):
        if not go_on():
            return
        _tidy_mirror(fleet, repo)


def _forget(fleet: Fleet, forget: Forget, days: int, go_on: Callable[[], bool]) -> None:
    before = fleet.clock() - days * _DAY_SECS
    while go_on() and fleet.store.write(lambda sql: forget(sql, before, _AT_ONCE)) == _AT_ONCE:
        pass


def _forget_web_sessions(fleet: Fleet) -> None:
    now, limits = fleet.clock(), fleet.settings.dashboard
    begun, seen = now - limits.session_secs, now - limits.idle_secs
    fleet.store.write(lambda sql: web_sessions.forget(sql, begun_before=begun, seen_before=seen))


def _drop_uploads(fleet: Fleet) -> None:
    before = fleet.clock() - _DAY_SECS
    for path in (fleet.data_dir / "incoming").glob("*"):
        try:
            if path.lstat().st_mtime < before:
                path.unlink()
        except OSError as problem:  # its upload ended a moment ago, or it is no file
            log.info("an upload was left where it is", path=str(path), reason=str(problem))


def _tidy_mirror(fleet: Fleet, repo: KnownRepository) -> None:
    """A result that comes meanwhile may lose its reference; its commits stay for two weeks all the same."""
    keep = {f"{task}/{fence}" for task, fence in fleet.read(lambda sql: attempts.of_unfinished(sql, repo.id))}
    try:
        fleet.mirror(repo).collect_garbage(keep, fleet.clock())
    except (GitFailed, GitTimedOut, OSError, Refused, Unavailable) as problem:
        log.warning("a mirror could not be tidied", repo=repo.full_name, reason=str(problem))
