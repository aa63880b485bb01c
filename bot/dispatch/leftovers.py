"""What runs leave on a host: ended and taken away, whoever still knows of them."""

from typing import Final

import structlog

from bot.dispatch.site import HostSite
from bot.execution.hosts import Host
from bot.service.fleet import Fleet
from bot.store import Sql, attempts, host_runs, tasks

log = structlog.get_logger(__name__)

_ORPHANED: Final = "orphaned"


def run_id_of(task_id: str, fence: int) -> str:
    return f"{task_id}.{fence}"


def end_on(host: Host, run_id: str, why: str, grace_secs: int) -> None:
    """Ends everything of a run and takes its folder away; one that is not there is no error.

    Raises HostBroken (``busy``) when some of it cannot be ended.
    """
    state = host.stop(run_id, why, grace_secs)
    if state.left:
        log.error("processes that could not be ended", run=run_id, host=host.name, pids=state.left)
    host.remove(run_id)


def end_orphans(fleet: Fleet, site: HostSite) -> None:
    """Ends runs of our tasks that nobody waits for: of a host that the configuration did not name for a while.

    Runs of tasks that we do not know may be another orchestrator's and are left alone. Raises Refused, Unavailable.
    """
    grace_secs = fleet.settings.orchestrator.stop_grace_secs
    found = [run.run_id for run in site.ask(lambda host: host.runs())]
    # Looked up after the host was asked: whatever was started by then is written down already.
    for run_id in fleet.read(lambda sql: [one for one in found if _is_orphan(sql, one)]):
        log.warning("run ended that nobody waits for", run=run_id, host=site.name)
        site.ask(lambda host, of=run_id: end_on(host, of, _ORPHANED, grace_secs))  # type: ignore[misc]


def _is_orphan(sql: Sql, run_id: str) -> bool:
    task_id, _, fence = run_id.rpartition(".")
    if not (fence.isascii() and fence.isdigit() and tasks.find(sql, task_id)):
        return False
    attempt = attempts.get(sql, task_id, int(fence))
    return host_runs.get(sql, task_id, int(fence)) is None and not (attempt and attempt.active)
