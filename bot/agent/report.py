"""Streams a run's progress and log to the server while the run goes on."""

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import structlog

from bot.adapters.base import Check, Progress, Question, Said, SessionStarted, Usage
from bot.agent.attempts import CANCELLED, SUPERSEDED, Attempt
from bot.agent.client import Client, Json
from bot.agent.failures import is_final, is_over
from bot.agent.log import PIECE_BYTES, OutgoingLog
from bot.agent.patience import GivenUp, Patience
from bot.core import ids, usage
from bot.core.errors import Refused, Unavailable
from bot.core.usage import Used

log = structlog.get_logger(__name__)

#: Seconds of waiting for the server after which reports are given up.
AT_MOST_SECS: Final = 3600.0
_MAX_CHECKS: Final = 100
_CHECK_CHARS: Final = 500


class Reporter:
    """Gathers what a run says and sends it, at most once in ``every_secs`` unless the log fills a piece.

    A refusal that means the attempt is over stops it; one that means our token is not accepted is kept in
    ``refused`` and stops it too.
    """

    def __init__(
        self, client: Client, attempt: Attempt, outgoing: OutgoingLog, patience: Patience, every_secs: float = 1.0
    ) -> None:
        self._client, self._attempt, self._outgoing, self._patience = client, attempt, outgoing, patience
        self._every = every_secs
        self._changed = threading.Condition()
        self._news: Json = {}
        self._checks: dict[str, bool] = {}
        self._used: list[Usage] = []
        self._closing = False
        self._seq = 0
        self._thread = threading.Thread(target=self._send_all, name=f"report-{attempt.claim.fence}", daemon=True)
        self.refused: Refused | None = None

    def begin(self) -> None:
        """Say that the run begins, and go on reporting in a thread. Raises GivenUp, Refused."""
        self._take(self._patience.insist(lambda: self._status({"status": "running"})))
        self._thread.start()

    def hear(self, said: Said) -> None:
        """Something the agent said; what is no news for people while it runs is left out."""
        with self._changed:
            match said:
                case Progress(words) | Question(words):
                    self._news["message"] = words
                case Check(words, done):
                    words = words[:_CHECK_CHARS]
                    if words in self._checks or len(self._checks) < _MAX_CHECKS:
                        self._checks[words] = done
                    self._news["checklist"] = [{"text": item, "done": ok} for item, ok in self._checks.items()]
                case Usage():
                    self._used.append(said)
                    self._news["usage"] = usage_rows(self._used)
                case SessionStarted(session) if ids.usable_session(session):
                    self._news["session"] = session
                case _:
                    return
            self._changed.notify()

    def logged(self) -> None:
        """The log has grown."""
        with self._changed:
            self._changed.notify()

    def finish(self) -> None:
        """Send what is left and end. The log is known to the server when this returns, unless it was stopped."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _send_all(self) -> None:
        try:
            while (report := self._next()) is not None:
                self._take(self._patience.insist(partial(self._status, report), AT_MOST_SECS))
        except GivenUp:
            return
        except Unavailable as away:
            log.error("reports given up; the run goes on", task=self._attempt.claim.task_id, why=away.what)
        except Refused as refused:
            if is_over(refused):
                log.warning("the attempt is over", task=self._attempt.claim.task_id, why=refused.reason)
            else:
                self.refused = refused
                log.error("report refused", task=self._attempt.claim.task_id, why=str(refused), status=refused.status)
            if is_final(refused):
                self._attempt.stop(SUPERSEDED)

    def _next(self) -> Json | None:
        """What to send next, as soon as it is worth a call; None when all is said and the run is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or bool(self._news) or self._outgoing.unsent_bytes > 0)
            self._changed.wait_for(lambda: self._closing or self._outgoing.unsent_bytes >= PIECE_BYTES, self._every)
            news, self._news = self._news, {}
        piece = self._outgoing.piece()
        if not news and piece is None:
            return None if self._closing else {"status": "progress"}
        if piece is not None:
            news["log"] = {"offset": piece[0], "text": piece[1]}
        return {"status": "progress", **news}

    def _status(self, report: Json) -> Json:
        self._seq += 1
        answer = self._client.status(self._attempt.claim, {"seq": self._seq, **report})
        if "log" in report:
            self._outgoing.known(_position(answer, report["log"]))
        return answer

    def _take(self, answer: Json) -> None:
        if answer.get("cancel") is True:
            self._attempt.stop(CANCELLED)


def _position(answer: Json, sent: Json) -> int:
    """Up to where the server knows the log; one that does not tell has taken what was sent."""
    for name in ("log_offset", "log_bytes"):
        if isinstance(position := answer.get(name), int):
            return position
    return int(sent["offset"]) + len(sent["text"].encode())


def usage_rows(reports: Sequence[Usage]) -> list[dict[str, Any]]:
    """All that a run has used so far, as the API has it: steps added up, totals replaced."""
    return usage.shown(
        usage.fold(
            Used(
                model=one.model,
                kind=one.kind,
                input_tokens=one.input_tokens,
                output_tokens=one.output_tokens,
                cached_tokens=one.cached_tokens,
                reported_usd=one.cost_usd,
            )
            for one in reports
        )
    )
