"""The pull agent: enrol, beat, claim, work; and go without leaving anything undone."""

import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

import structlog

import bot
from bot.agent import leftovers
from bot.agent.attempts import HANDED_BACK, Attempt, Attempts
from bot.agent.beat import Beat
from bot.agent.client import Claim, Client, NoWork
from bot.agent.journal import Entry, Journal
from bot.agent.patience import GivenUp, Patience
from bot.agent.run import Site, work_on
from bot.core import agent_text as text
from bot.core import cleaning
from bot.core.errors import Refused, Unavailable
from bot.core.reasons import Reason

log = structlog.get_logger(__name__)

#: Seconds a leaving agent tries to tell the server so, and waits for runs it has stopped.
_GOODBYE_SECS: Final = 10.0
_ENDING_SECS: Final = 60.0
#: Seconds a leaving agent waits for the answer to a claim it has made.
_LAST_CLAIM_SECS: Final = 1.5
#: Seconds of telling the server that a run was ended by a bug; the heartbeat keeps its lease meanwhile.
_BROKEN_SECS: Final = 3600.0
_TIDY_EVERY_SECS: Final = 3600.0
#: Between heartbeats, until the server has said how often it wants them.
_FIRST_BEAT_SECS: Final = 20.0


@dataclass(frozen=True)
class About:
    """What the agent says of itself when it registers."""

    agent_type: str
    capabilities: Sequence[str]
    max_concurrency: int
    host: str
    version: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        return {
            "agent_type": self.agent_type,
            "capabilities": list(self.capabilities),
            "max_concurrency": self.max_concurrency,
            "host_id": self.host,
            "version": self.version or bot.__version__,
            "meta": dict(self.meta),
        }


@dataclass(frozen=True)
class Errand:
    """When the agent's life ends by itself: after ``tasks`` tasks, or when none came for ``idle_secs`` (0: never).

    ``claim_id``: it was started for this one claim, of an agent that the server knows already.
    """

    tasks: int = 0
    idle_secs: float = 0.0
    claim_id: str = ""


class Holder(Protocol):
    """Where the token comes from."""

    def keep(self, token: str) -> None: ...
    def fall_back(self) -> bool: ...


class Agent:
    """``run`` blocks until ``stop`` (finish or hand back, then go) was called; ``hurry`` cuts every wait short."""

    def __init__(
        self,
        client: Client,
        credentials: Holder,
        journal: Journal,
        about: About,
        site: Site,
        *,
        drain_secs: float = 0.0,
        wait_secs: int = 20,
        tidy_every_secs: float = _TIDY_EVERY_SECS,
        errand: Errand = Errand(),
    ) -> None:
        self._client, self._credentials, self._journal = client, credentials, journal
        self._about, self._site, self._drain_secs, self._wait_secs = about, site, drain_secs, wait_secs
        self._tidy_every_secs, self._tidied = tidy_every_secs, time.monotonic()
        self.attempts = Attempts(about.max_concurrency)
        self._stopping, self._hurry, self._gone = threading.Event(), threading.Event(), threading.Event()
        self._may_claim = threading.Event()
        self._may_claim.set()
        self._asking = threading.Event()
        self._failure: BaseException | None = None
        self._errand = errand

    def run(self) -> None:
        """The agent's life. Raises Refused when it cannot begin, or when its token is not accepted any more."""
        with self._journal.alone():
            left = leftovers.end_processes(self._journal)
            leftovers.remove_sources(self._site.workspaces)
            leftovers.tidy(self._journal, self._site.workspaces)
            patience = Patience(self._stopping)
            try:
                interval = _FIRST_BEAT_SECS if self._errand.claim_id else patience.insist(self.register)
                leftovers.tell_crashed(self._journal, self._client, patience, left)
            except GivenUp:
                return
            self._live(interval)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Take nothing new, finish within the drain time, hand back the rest, go."""
        self._stopping.set()
        self._may_claim.set()
        self.attempts.wake()

    def hurry(self) -> None:
        """Do not wait for anything any more."""
        self.stop()
        self._hurry.set()
        self.attempts.wake()

    def register(self) -> float:
        """Tell the server who we are, exchange an enrolment token; returns the seconds between heartbeats."""
        try:
            answer = self._client.register(self._about.fields())
        except Refused as refused:
            if refused.status != 401 or not self._credentials.fall_back():
                raise
            answer = self._client.register(self._about.fields())
        token = answer.get("agent_token")
        if isinstance(token, str) and token:
            self._credentials.keep(token)
        every = answer.get("heartbeat_interval_secs")
        log.info("registered", agent=self._site.agent_id, heartbeat_secs=every)
        return float(every) if isinstance(every, int | float) and every > 0 else 60.0

    def _live(self, interval: float) -> None:
        beat = Beat(
            self._client,
            self.attempts,
            interval,
            self._gone,
            register=self._credentials.fall_back if self._errand.claim_id else self.register,
            drain=self._drain,
            fail=self._fail,
        )
        claims = threading.Thread(target=self._claim_all, name="claims", daemon=True)
        beat.start()
        claims.start()
        self._stopping.wait()
        self._finish_or_hand_back()
        self._gone.set()
        self._leave()
        self._join(claims)
        beat.join(_GOODBYE_SECS)

    def _claim_all(self) -> None:
        """Claim as long as there are slots and nobody wants us to stop."""
        patience, taken, busy_at = Patience(self._stopping), 0, time.monotonic()
        try:
            while self.attempts.wait_for_a_slot(self._stopping):
                self._may_claim.wait()
                self._tidy_when_due()
                claim_id = self._journal.claiming(self._errand.claim_id or uuid.uuid4().hex)
                answer = patience.insist(partial(self._ask, claim_id))
                if isinstance(answer, Claim):
                    self._take(answer)
                    taken, busy_at = taken + 1, time.monotonic()
                self._journal.claimed()
                if self.attempts.named():
                    busy_at = time.monotonic()
                if self._is_done(taken, time.monotonic() - busy_at):
                    self.attempts.wait_until_none(None, self._hurry)
                    self.stop()
                    return
                if isinstance(answer, NoWork):
                    self._stopping.wait(answer.retry_after)
        except GivenUp:
            log.info("no more claims")
        except Exception as error:  # noqa: BLE001 - kept and raised again by run
            self._fail(error)

    def _is_done(self, taken: int, idle_secs: float) -> bool:
        errand = self._errand
        if errand.claim_id or 0 < errand.tasks <= taken:
            return True
        return 0 < errand.idle_secs <= idle_secs

    def _tidy_when_due(self) -> None:
        """In the thread that claims, so that no task begins meanwhile."""
        if time.monotonic() - self._tidied >= self._tidy_every_secs:
            live = {task_id for task_id, _ in self.attempts.named()}
            leftovers.tidy(self._journal, self._site.workspaces, live)
            self._tidied = time.monotonic()

    def _ask(self, claim_id: str) -> Claim | NoWork:
        self._asking.set()
        try:
            return self._client.dequeue(claim_id, self._wait_secs)
        except Refused as refused:
            if self._stopping.is_set():  # we have taken our leave: of course it does not know us
                raise GivenUp from refused
            if refused.status not in (401, 404) or self._errand.claim_id:
                raise
            self.register()  # refused again if it does not help
            return NoWork(1.0)
        finally:
            self._asking.clear()

    def _take(self, claim: Claim) -> None:
        log.info("claimed", task=claim.task_id, attempt=claim.fence, title=claim.task.get("title"))
        self._journal.write(Entry(claim.task_id, claim.fence, "", open=True, at=time.time()))
        attempt = Attempt(claim)
        self.attempts.add(attempt)
        if self._stopping.is_set():  # added before this question: whoever set it either sees the attempt, or we do
            self.attempts.remove(attempt)
            leftovers.give_back(self._client, Patience(threading.Event()), claim)
            self._journal.write(Entry(claim.task_id, claim.fence, "", open=False, at=time.time()))
            return
        threading.Thread(target=self._work, args=(attempt,), name=f"run-{claim.task_id}", daemon=True).start()

    def _work(self, attempt: Attempt) -> None:
        claim = attempt.claim
        try:
            finished = work_on(attempt, self._site)
            self._journal.write(Entry(claim.task_id, claim.fence, "", open=False, at=time.time()))
            if finished:
                leftovers.remove_workspace(self._journal, self._site.workspaces, claim.task_id, claim.fence)
        except Exception as error:  # a bug must cost one run, not the agent
            if isinstance(error, Refused) and error.status == 401:
                self._fail(error)
            else:
                log.exception("run broken off", task=claim.task_id)
                self._break_off(attempt, error)
        finally:
            self.attempts.remove(attempt)

    def _break_off(self, attempt: Attempt, error: Exception) -> None:
        """Tell the server what ended a run that could not tell it itself."""
        claim = attempt.claim
        known = isinstance(error, Refused | Unavailable)
        what = cleaning.one_line(str(error) if known else f"{type(error).__name__}: {error}", 300)
        patience, message = self._site.patience(attempt), text.run_broke_off(what)
        secs = 0.0 if isinstance(error, Unavailable) else _BROKEN_SECS  # the run has waited long enough by itself
        try:
            if leftovers.fail(self._client, patience, claim, Reason.INFRASTRUCTURE, message, secs):
                self._journal.write(Entry(claim.task_id, claim.fence, "", open=False, at=time.time()))
        except GivenUp:
            log.info("run given up", task=claim.task_id, why=attempt.stopped_by)
        except Exception:  # the disk, or a bug again: nothing is left to try
            log.exception("end of a run not told", task=claim.task_id)

    def _finish_or_hand_back(self) -> None:
        if not self.attempts.wait_until_none(self._drain_secs, self._hurry):
            held = self.attempts.named()
            self.attempts.stop_all(HANDED_BACK)
            if not self.attempts.wait_until_none(_ENDING_SECS, threading.Event()):
                log.error("runs that do not end", tasks=self.attempts.named())
            if self._errand.claim_id:  # who was started for one claim has no leave to take: only that goes back
                for task_id, fence in held:
                    leftovers.give_back(self._client, Patience(threading.Event()), Claim({"task_id": task_id}, fence))

    def _leave(self) -> None:
        """Tell the server that we go: what it believes us to hold goes back to the queue."""
        if self._errand.claim_id or (isinstance(self._failure, Refused) and self._failure.status == 401):
            return
        secs = 0.0 if self._hurry.is_set() else _GOODBYE_SECS
        try:
            answer = Patience(threading.Event()).insist(lambda: self._client.deregister(text.stopped()), secs)
            log.info("gone", requeued=answer.get("requeued"))
        except Unavailable as away:
            log.warning("the server was not told; leases run out by themselves", why=str(away))
        except Refused as refused:
            log.warning("the server did not take our leave", why=str(refused))

    def _join(self, claims: threading.Thread) -> None:
        """Let the claim that was being made when we left be answered, and handed back by its thread.

        What the server gave before our leave is back in its queue; nobody waits out a long poll for what it may give
        after it. The thread is a daemon, so its connection ends with the process.
        """
        until = time.monotonic() + _LAST_CLAIM_SECS
        while claims.is_alive() and not self._hurry.is_set():
            if self._asking.is_set() and time.monotonic() >= until:
                log.info("the last claim is not waited for")
                return
            claims.join(0.1)

    def _drain(self, wished: bool) -> None:
        """The server wishes that nothing new is taken (or does not any more)."""
        if wished and not self._stopping.is_set():
            self._may_claim.clear()
        else:
            self._may_claim.set()

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        log.error("ending", why=str(error))
        self.hurry()
