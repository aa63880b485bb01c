"""Why an attempt or a task did not end well: one stable vocabulary for adapters, checks, receipts and people."""

from enum import StrEnum


class Reason(StrEnum):
    """Names are part of the API and of receipts; never rename one."""

    AUTH = "auth"
    RATE_LIMITED = "rate_limited"
    QUOTA_UNTIL = "quota_until"
    MODEL_ERROR = "model_error"
    TIMEOUT = "timeout"
    STALLED = "stalled"
    CRASHED = "crashed"
    KILLED = "killed"
    LOST = "lost"
    EMPTY_OUTPUT = "empty_output"
    CHECKS_FAILED = "checks_failed"
    CONFLICT = "conflict"
    POLICY = "policy"
    REJECTED_RECEIPT = "rejected_receipt"
    PROMPT_INVALID = "prompt_invalid"
    INFRASTRUCTURE = "infrastructure"
    UNANSWERED = "unanswered"
    BUDGET = "budget"
    HANDED_BACK = "handed_back"
    AGENT_FAILED = "agent_failed"


def parse(name: str | None) -> Reason:
    """The reason called ``name``; an agent's own word for it counts as AGENT_FAILED."""
    try:
        return Reason(name or "")
    except ValueError:
        return Reason.AGENT_FAILED
