"""What the agent claims about its run; the server checks it against what it finds itself."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import bot
from bot.adapters.base import Outcome, Usage
from bot.agent.client import Claim, Json
from bot.agent.report import usage_rows
from bot.core import modes
from bot.execution.process import Ended
from bot.execution.workspace import Collected


@dataclass
class Evidence:
    """What is known of a run so far; filled in as it goes on."""

    host: str
    agent_type: str
    adapter: str
    cli_version: str = ""
    argv: Sequence[str] = ()
    prompt: str = field(default="", repr=False)
    run_id: str = ""
    base_sha: str = ""
    ended: Ended | None = None
    outcome: Outcome | None = None
    work: Collected | None = None
    log: dict[str, object] = field(default_factory=dict)
    usage: list[Usage] = field(default_factory=list)
    session: str = ""
    mode: str = modes.HTTP_PULL


def receipt_of(claim: Claim, known: Evidence) -> Json:
    """The receipt's claims (schema ``fleet.receipt/1``); what did not happen is left out."""
    task = claim.task
    receipt: Json = {
        "schema": "fleet.receipt/1",
        "task": {
            "id": claim.task_id,
            "repo": task.get("repo"),
            "issue": task.get("issue"),
            "attempt": task.get("attempt"),
            "fence": claim.fence,
            "run_id": known.run_id,
        },
        "prompt": {"sha256": _sha256(known.prompt.encode("utf-8", "replace"))},
        "executor": {
            "mode": known.mode,
            "host_id": known.host,
            "agent_type": known.agent_type,
            "adapter": known.adapter,
            "cli_version": known.cli_version,
            "agent_fleet_version": bot.__version__,
            "argv_sha256": _sha256(json.dumps(list(known.argv)).encode()),
            "session_id": known.session,
        },
        "logs": {"transcript": known.log},
    }
    if known.ended is not None:
        receipt["process"] = _process(known.ended, known.outcome)
    if known.base_sha:
        receipt["git"] = _git(claim, known)
    if known.usage:
        receipt["usage"] = usage_rows(known.usage)
    if known.outcome is not None:
        receipt["claims"] = {"summary": known.outcome.message, "status": known.outcome.verdict.value}
        receipt["logs"]["transcript"] = {**known.log, "unparsed": known.outcome.unparsed}
    return receipt


def _process(ended: Ended, outcome: Outcome | None) -> Json:
    return {
        "exit_code": ended.exit_code,
        "signal": ended.signal,
        "terminal_event": outcome.terminal_event if outcome else "",
        "started_at": _time(ended.started_at),
        "ended_at": _time(ended.ended_at),
        "max_silence_s": round(ended.max_silence_secs),
        "killed_by": ended.killed_by,
        "left": list(ended.left),
    }


def _git(claim: Claim, known: Evidence) -> Json:
    found: Json = {"base_sha": known.base_sha, "branch": claim.task.get("branch")}
    if known.work is not None:
        found |= {"head_sha": known.work.head_sha, "commits": known.work.commits, "note": known.work.note}
    return found


def _time(secs: float) -> str:
    return datetime.fromtimestamp(secs, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
