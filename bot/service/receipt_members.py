"""The members of a signed receipt: what was observed, and what the agent said. None = we do not know it."""

import re
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Final

from bot.core import budget, canonical, events, modes, usage
from bot.core.receipt_facts import Claims, Facts
from bot.core.recorded import Recorded
from bot.core.task import Task
from bot.service import receipt_facts
from bot.service.fleet import Step
from bot.store import given_prompts, log
from bot.store.attempts import Attempt

#: Longest claims that are published word for word.
_MAX_CLAIMS_BYTES: Final = 64 * 1024
_COMMENT: Final = re.compile(r"comment:\d+:(\d+)(?::|$)")


def facts(step: Step, task: Task, attempt: Attempt, known: Facts, said: Claims) -> dict[str, Any]:
    """Everything that is neither a claim nor the verdict.

    ``said`` is used for runs on hosts only: there our own supervisor has written it.
    """
    history = log.of_task(step.sql, task.id)
    ours = said if attempt.mode == modes.SSH_CLI else Claims()
    return {
        "task": {
            "id": task.id,
            "repo": known.repo,
            "repo_id": task.repo_id,
            "issue": task.issue,
            "attempt": known.fence,
            "fence": known.fence,
            "run_id": f"{task.id}.{known.fence}",
            "kind": attempt.kind or None,
        },
        **_given(step, task, attempt, history),
        "executor": _executor(attempt, ours),
        "process": _process(attempt, known, ours),
        "git": _git(known) if known.work else None,
        "pull_request": _pull_shown(known) if known.pull else None,
        "checks": _checks(known),
        "logs": {"transcript": _transcript(known, ours)},
        "usage": _usage(step, attempt),
        "artifacts": [{"name": a.name, "bytes": a.size, "sha256": a.sha256} for a in known.artifacts],
        "log_anchor": {"event_seq": history[-1].seq, "chain_sha256": history[-1].chain},
    }


def claims(step: Step, task: Task, fence: int, said: Claims) -> dict[str, Any]:
    """The agent's receipt as it is kept, and its digest; only the digest when it is too long for a note."""
    end = receipt_facts.well_ended(step.sql, task.id, fence)
    words = canonical.plain(said.said)
    short = len(canonical.encode(words)) <= _MAX_CLAIMS_BYTES
    return {"sha256": end.receipt_sha256 if end else "", "said": words if short else None}


def moment(at: float) -> str | None:
    """RFC 3339 in UTC, None for never."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def _given(step: Step, task: Task, attempt: Attempt, history: list[Recorded]) -> dict[str, Any]:
    """Who asked for it, and what the agent was told."""
    given = given_prompts.of_attempt(step.sql, task.id, attempt.fence)
    first = history[0]
    comment = _COMMENT.match(first.cause)
    return {
        "trigger": {
            "actor": task.asked_by,
            "actor_id": task.asked_by_id,
            "kind": task.trigger,
            # A task is created for those who have it, requested by all others: more was not kept.
            "permission": "write" if isinstance(first.event, events.TaskCreated) else None,
            "comment_id": int(comment[1]) if comment else None,
            "event_seq": first.seq,
            "cause": first.cause,
            "policy_sha256": (given.policy_sha256 or None) if given else None,
        },
        "prompt": {
            "sha256": given.sha256 if given else None,
            "form": given.form if given else None,
            "bytes": given.size if given else None,
            "template": (given.template or "built-in") if given else None,
            "issue_text_sha256": task.prompt_sha256,
            "approved_by": task.approved_by or None,
        },
    }


def _executor(attempt: Attempt, ours: Claims) -> dict[str, Any]:
    used = attempt.usage.get("models") or []
    return {
        "mode": attempt.mode,
        "agent": attempt.agent,
        "agent_type": attempt.agent_type,
        "host_id": attempt.host,
        "argv_sha256": ours.text("executor", "argv_sha256") or None,
        "session_id": attempt.session or None,
        "models": sorted({str(one["model"]) for one in used if one.get("model")}),
    }


def _process(attempt: Attempt, known: Facts, ours: Claims) -> dict[str, Any]:
    return {
        "exit_code": known.exit_code,
        "signal": ours.number("process", "signal"),
        "killed_by": ours.text("process", "killed_by") or None,
        "terminal_event": ours.text("process", "terminal_event") or None,
        "max_silence_s": ours.number("process", "max_silence_s"),
        "outcome": known.outcome,
        "claimed_at": moment(attempt.claimed_at),
        "started_at": moment(attempt.started_at),
        "ended_at": moment(attempt.ended_at),
    }


def _git(known: Facts) -> dict[str, Any]:
    work = known.work
    assert work is not None  # noqa: S101 - asked by the caller
    shown = asdict(replace(work, protected=None))
    names = ("base_sha", "head_sha", "commits", "files_changed", "insertions", "deletions", "patch_sha256")
    return {"branch": known.branch} | {name: shown[name] for name in names}


def _pull_shown(known: Facts) -> dict[str, Any]:
    pull = known.pull
    assert pull is not None  # noqa: S101 - asked by the caller
    return {
        "number": pull.number,
        "url": pull.url,
        "state": pull.state,
        "head_sha": pull.head_sha,
        "base": pull.base_branch,
        "author": pull.author,
        "from_fork": not pull.same_repository,
        "closes": list(pull.closes),
    }


def _checks(known: Facts) -> list[dict[str, Any]]:
    if known.checks is None:
        return []
    return [
        {"context": context, "state": state, "sha": known.published_sha or (known.pull.head_sha if known.pull else "")}
        for context, state in sorted(known.checks.states.items())
    ]


def _transcript(known: Facts, ours: Claims) -> dict[str, Any] | None:
    """Redactions were made, and lines left out, before it was stored: only for runs of ours we know how many."""
    if known.log is None:
        return None
    unparsed = ours.transcript.get("unparsed")
    return {
        "sha256": known.log.sha256,
        "bytes": known.log.size,
        "truncated": known.log.size < known.log.sent,
        "unparsed": unparsed if isinstance(unparsed, int) else None,
    }


def _usage(step: Step, attempt: Attempt) -> dict[str, Any]:
    """As the agent CLI counts it; ``cost_usd`` by its own words, else by the price table, and called that."""
    used = usage.read(list(attempt.usage.get("models") or []))
    known = any(one.reported_usd is not None or one.estimated_usd is not None for one in used)
    took = budget.spent(used)
    prices = {model: repr(price) for model, price in step.fleet.settings.price_table().items()}
    return {
        "source": "reported" if used else "unknown",
        "reported": canonical.plain(attempt.usage),
        "cost_usd": f"{took.usd:.6f}" if known else None,
        "cost_source": ("estimated" if took.estimated else "reported") if known else "unknown",
        "price_table_sha256": canonical.digest(prices) if known and took.estimated else None,
    }
