"""What went wrong between an agent CLI and its model: one vocabulary for every provider's words."""

import re
from dataclasses import dataclass
from typing import Final

from bot.core import adapter_text as text
from bot.core import cleaning
from bot.core.reasons import Reason

#: Characters kept of a message.
LONGEST: Final = 4000

#: Where providers and CLIs put an HTTP status into a sentence ("[API Error: 401 …", "last status: 429", "404 …").
_STATUS: Final = re.compile(r'(?:^|status:? |HTTP |API Error: |_error: |"code": ?|\()([45]\d\d)\b', re.IGNORECASE)
_QUOTA: Final = re.compile(r"quota|billing|usage limit|credit balance|insufficient (?:funds|credit)", re.IGNORECASE)
_OVERFLOW: Final = re.compile(
    r"too long|context window|context.?length|ContextOverflow|prompt_too_long|maximum context|compaction\.failed"
    r"|NoCondensationAvailable",
    re.IGNORECASE,
)
_SESSION: Final = re.compile(
    r"no rollout found|no conversation found|session not found|no saved session|invalid session identifier"
    r"|no session.{0,40}match|session .{0,80} not found",
    re.IGNORECASE,
)
_RATE: Final = re.compile(r"rate.?limit|too many requests|retry limit.{0,30}429", re.IGNORECASE)
_AUTH: Final = re.compile(
    r"authenticat|unauthori[sz]ed|api.?key|not logged in|log ?in\b|no auth type|auth method|credentials"
    r"|No model configured|Unknown provider|permission.denied.{0,20}key",
    re.IGNORECASE,
)
_MODEL: Final = re.compile(
    r"model.{0,40}(?:not|n't) (?:found|exist)|NotFoundError|internal server error|InternalServerError|overloaded"
    r"|high demand|server_error|ServiceUnavailable|stream disconnected|waiting for network|connection (?:error|failed)"
    r"|connection .{0,20}lost|incomplete json|finish.?reason|request failed",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Trouble:
    """``afresh``: the session is gone or full; only a new one can go on."""

    reason: Reason
    message: str
    afresh: bool = False


def judged(message: str, status: int = 0, kind: str = "") -> Trouble:
    """The class of an error that a CLI reports: by ``status`` (HTTP) or its own ``kind`` first, by its words second."""
    said = cleaning.plain(message, LONGEST).strip() or text.no_words()
    found = _by_status(status or _status_in(message), f"{kind} {message[:LONGEST]}") or recognised(f"{kind} {message}")
    return Trouble(found.reason, said, found.afresh) if found else Trouble(Reason.MODEL_ERROR, said)


def recognised(words: str) -> Trouble | None:
    """The class of an error by words alone, or None when they say nothing that is known."""
    shown = words[:LONGEST]
    for pattern, reason, afresh in (
        (_SESSION, Reason.AGENT_FAILED, True),
        (_OVERFLOW, Reason.PROMPT_INVALID, True),
        (_QUOTA, Reason.QUOTA_UNTIL, False),
        (_RATE, Reason.RATE_LIMITED, False),
        (_AUTH, Reason.AUTH, False),
        (_MODEL, Reason.MODEL_ERROR, False),
    ):
        if pattern.search(shown):
            return Trouble(reason, cleaning.plain(shown, LONGEST).strip(), afresh)
    return None


def _by_status(status: int, words: str) -> Trouble | None:
    if status in (401, 403):
        return Trouble(Reason.AUTH, "")
    if status == 402 or (status == 429 and _QUOTA.search(words)):
        return Trouble(Reason.QUOTA_UNTIL, "")
    if status == 429:
        return Trouble(Reason.RATE_LIMITED, "")
    if status in (400, 413) and _OVERFLOW.search(words):
        return Trouble(Reason.PROMPT_INVALID, "", afresh=True)
    if status == 404 or status >= 500:
        return Trouble(Reason.MODEL_ERROR, "")
    return None


def _status_in(message: str) -> int:
    found = _STATUS.search(message[:LONGEST])
    return int(found[1]) if found else 0
