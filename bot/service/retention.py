"""Keeping what may go within its limits in bytes, besides its age: the oldest of tasks that are over goes first."""

from collections.abc import Callable

import structlog

from bot.service.fleet import Fleet
from bot.settings import Settings
from bot.store import retention

log = structlog.get_logger(__name__)


def limits(settings: Settings) -> dict[str, int]:
    """Bytes by kind; 0 = no limit."""
    o = settings.orchestrator
    return {
        retention.PAYLOADS: o.max_payloads_bytes,
        retention.LOGS: o.max_logs_bytes,
        retention.ARTIFACTS: o.max_artifacts_bytes,
        retention.RECEIPTS: o.max_receipts_bytes,
    }


def hold_limits(fleet: Fleet, go_on: Callable[[], bool] = lambda: True) -> dict[str, int]:
    """Deletes what is over its limit; returns how many rows went of each kind that lost any.

    What is found is read first and deleted after: others write meanwhile.
    """
    dropped: dict[str, int] = {}
    for kind, limit in limits(fleet.settings).items():
        while limit and go_on():
            excess = fleet.read(retention.kept)[kind] - limit
            if excess <= 0:
                break
            pieces = fleet.read(lambda sql, k=kind, e=excess: retention.oldest(sql, k, e))  # type: ignore[misc]
            gone = fleet.store.write(lambda sql, k=kind, p=pieces: retention.drop(sql, k, p)) if pieces else 0  # type: ignore[misc]
            if not gone:
                break
            dropped[kind] = dropped.get(kind, 0) + gone
    if dropped:
        log.info("what was over its limit has gone", **dropped)
    return dropped
