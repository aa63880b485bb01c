"""What the end of a run on a host means: for the fleet, and in words for people."""

from collections.abc import Callable, Mapping
from typing import Final

from bot.adapters.base import Outcome, Verdict
from bot.core import agent_text, host_text
from bot.core.reasons import Reason
from bot.execution.workspace import Collected
from bot.service.reports import Completion
from bot.settings.sections import Orchestrator

#: What the wrapper says when a run could not even begin.
_NOT_BEGUN: Final[Mapping[str, Callable[[], str]]] = {
    "io": host_text.log_full,
    "request": host_text.job_not_understood,
    "no_env_file": host_text.secret_file_missing,
}


class Failed(Exception):
    """The attempt has failed; ``reason`` and a sentence for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


def ended_by_us(killed_by: str, host: str, timeout_secs: float, limits: Orchestrator) -> Failed:
    """Why the wrapper, or we, ended a run: ``killed_by`` as the wrapper says it."""
    match killed_by:
        case "timeout":
            return Failed(Reason.TIMEOUT, agent_text.run_ended_by_us(killed_by, timeout_secs))
        case "stall":
            return Failed(Reason.STALLED, agent_text.run_ended_by_us(killed_by, limits.stall_timeout_secs))
        case "output":
            return Failed(Reason.KILLED, host_text.output_limit(limits.max_run_log_bytes))
        case "io" | "request" | "no_env_file":
            return Failed(Reason.INFRASTRUCTURE, host_text.run_ended_there(host, _NOT_BEGUN[killed_by]()))
        case _:
            return Failed(Reason.KILLED, agent_text.run_ended_by_us(killed_by, 0))


def completion(outcome: Outcome, work: Collected | None) -> Completion:
    """The facts of git decide between done and nothing to do."""
    if outcome.verdict is Verdict.QUESTION:
        return Completion(Verdict.QUESTION.value, message=outcome.message)
    if work is not None:
        said = outcome.message
        if outcome.verdict is Verdict.NO_CHANGE:
            said = agent_text.changed_all_the_same(said)
        return Completion(Verdict.DONE.value, message=said)
    if outcome.message:
        return Completion(Verdict.NO_CHANGE.value, message=outcome.message)
    return failed(Reason.EMPTY_OUTPUT, agent_text.nothing_changed())


def failed(reason: Reason, message: str) -> Completion:
    return Completion(Verdict.FAILED.value, reason.value, message)
