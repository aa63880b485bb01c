"""What each metric means, for its help line and the reference."""

from collections.abc import Mapping, Sequence
from typing import Final

MEANING: Final[Mapping[str, str]] = {
    "info": "1, with the version that answers.",
    "tasks": "Tasks in each state.",
    "task_oldest_seconds": "How long the task that rests longest in a state has not changed.",
    "queue_tasks": "Tasks that wait for an agent, by what they need (the 100 fullest kinds).",
    "queue_oldest_seconds": "How long the oldest of them has waited.",
    "inbox_waiting": "Webhooks taken and not dealt with yet (counted up to 100000).",
    "inbox_oldest_seconds": "How long ago the next of them came.",
    "outbox_waiting": "Changes that the forge does not show yet (counted up to 100000).",
    "outbox_oldest_seconds": "How long the oldest of them has waited.",
    "agents": "Agents by status.",
    "agent_slots": "Tasks that the agents online could run at once.",
    "agent_slots_used": "Tasks that run.",
    "hosts": "Configured hosts by state: up, unreachable, quarantined.",
    "loop_silence_seconds": "How long ago each loop of the worker last came round.",
    "kept_bytes": "What is kept for a while: payloads (webhooks), logs, artifacts, receipts (agents' claims).",
    "webhooks": "Webhooks by outcome: accepted, duplicate, rejected (not signed by the forge).",
    "events": "Everything that happened to tasks, by kind.",
    "retries": "Attempts that ended without a result and are tried again, by reason.",
    "failures": "Tasks that failed for good, by reason.",
    "forge_errors": "Calls that the forge failed: no_answer, server_error, busy, token, forbidden.",
    "cost_usd": "US dollars by model; source is reported (by the agent CLI) or estimated (from your prices).",
    "tokens": "Tokens by model and direction: input (with the cached ones), output.",
    "dispatch_seconds": "From a task being ready to an agent taking it.",
}


def introduction() -> str:
    return """\
# Metrics

<!-- Generated from bot/web/metrics.py by `agent-fleet docs build`; change the code, not this page. -->

`GET /metrics` answers in Prometheus' text format. It needs a token (`agent-fleet tokens create --role read`), unless
`public_metrics = true` stands under `[server]`. The sums are kept in the database by whatever process counts, so it
does not matter which one answers, none is lost by a restart, and a scrape costs the same with a million tasks as
with ten.

| Metric | Kind | Labels | Meaning |
|---|---|---|---|"""


def row(name: str, kind: str, labels: Sequence[str], meaning: str) -> str:
    return f"| `{name}` | {kind} | {', '.join(f'`{x}`' for x in labels)} | {meaning} |"


def more() -> str:
    return """
Numbers of refused webhooks and of forge errors are written at most once in a second and process; those of the last
second before a process is killed are lost.

Scrape configuration, alert rules and a dashboard: [deployment](../deployment.md#metrics).
"""
