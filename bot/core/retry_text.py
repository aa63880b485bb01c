"""Sentences about failed attempts: why there is no other one, and what would help."""

from bot.core.reasons import Reason

_HELPS = {
    Reason.AUTH: "Log the agent in again, or give it a valid key; an agent that has one may take the task meanwhile.",
    Reason.RATE_LIMITED: "It goes on by itself; fewer agents at once on this account would help.",
    Reason.QUOTA_UNTIL: "Another agent, or a larger quota, would make it start sooner.",
    Reason.MODEL_ERROR: "It is the provider's trouble; nothing has to be done here.",
    Reason.TIMEOUT: "A smaller task or a higher `task_timeout_secs` would help.",
    Reason.STALLED: "See its log for what it waited for.",
    Reason.KILLED: "See whether its machine has enough memory and disk.",
    Reason.INFRASTRUCTURE: "See `agent-fleet doctor` for what does not work.",
    Reason.BUDGET: "Raise the limit under [budget], or wait for the next day where it is one of a day.",
}


def what_helps(reason: Reason) -> str:
    """What a person could do, "" when the failure's own words say it."""
    return _HELPS.get(reason, "")


def what_would_help(reason: Reason) -> str:
    """The same for a task that has failed: nothing goes on by itself any more."""
    return "" if reason in (Reason.RATE_LIMITED, Reason.MODEL_ERROR) else what_helps(reason)


def not_again(why: str) -> str:
    """The refusal of a retry that could not start."""
    return f"No further attempt can start: {why}."


def raise_the_limit() -> str:
    return "Raise the limit under [budget] in the server's configuration, then try again."


def no_progress(message: str) -> str:
    """A part in brackets behind the reason."""
    said = "the same twice in a row, so it is not tried again"
    return f"{message}; {said}" if message else said


# --- budgets -----------------------------------------------------------------------------------------------

_SCOPES = {
    "run": "this attempt",
    "task": "this task",
    "repo_day": "this repository today",
    "day": "the whole fleet today",
}


def over_usd(scope: str, usd: float, limit: float, *, estimated: bool) -> str:
    how = "an estimated " if estimated else ""
    return f"{_SCOPES[scope]} has cost {how}${usd:.2f}, ${limit:.2f} are allowed"


def over_tokens(scope: str, tokens: int, limit: int) -> str:
    return f"{_SCOPES[scope]} has used {tokens} tokens, {limit} are allowed"


def over_attempts(limit: int) -> str:
    return f"all {limit} attempts that are allowed were made"


def over_secs(secs: float, limit: int) -> str:
    return f"its attempts ran {round(secs)} s together, {limit} s are allowed"
