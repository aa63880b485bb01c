"""Who calls, and what they may: tokens of agents, of operators, and the one that enrols."""

import hmac
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flask import Request

from bot.core import actions_text
from bot.core import api_text as text
from bot.core.errors import Refused
from bot.service.fleet import Fleet
from bot.store import Sql, attempts, forge_facts, job_sessions, tasks, tokens
from bot.store.job_sessions import JobSession
from bot.store.tokens import Token

#: A token's last use is written at most this often.
_USE_EVERY_SECS: Final = 60.0
_LONGEST: Final = 512


class May(StrEnum):
    """What a call asks of its caller."""

    ANYONE = "anyone"
    ID_TOKEN = "id token of a job"  # noqa: S105 - not one
    ANY_TOKEN = "any token"  # noqa: S105 - not one
    ENROL = "enrolment or agent token"
    AGENT = "agent token"
    SEE = "operator token, or the agent's own"
    READ = "operator token (read)"
    WRITE = "operator token (write)"
    ADMIN = "operator token (admin)"


_RANK: Final = {"read": 1, "write": 2, "admin": 3}
_NEEDED: Final = {May.READ: 1, May.SEE: 1, May.WRITE: 2, May.ADMIN: 3}
ENROLMENT: Final = "enrolment"


@dataclass(frozen=True)
class Caller:
    """``role`` is agent, enrolment, read, write or admin; ``agent`` the one agent that a token is for.

    ``repos`` are the globs it is bound to (() = all). ``fenceless``: calls without a fence are understood.
    Nobody speaks for the agents that we start on hosts ourselves (``started_by_us``); for those that we start as jobs
    (``jobs``) only they themselves, or a token made for that very agent. ``job`` is set for a job of Actions.
    """

    name: str
    role: str
    agent: str = ""
    repos: tuple[str, ...] = ()
    fenceless: bool = False
    started_by_us: frozenset[str] = frozenset()
    jobs: frozenset[str] = frozenset()
    job: JobSession | None = None

    @property
    def operates(self) -> bool:
        return self.role in _RANK

    def as_agent(self, named: str) -> str:
        """The agent id that this call is about: ``named`` in it, or the token's own.

        Raises Refused: 403 for another's, 422 when nobody is named.
        """
        if self.agent and named not in ("", self.agent):
            raise Refused(text.not_your_agent(named), text.use_own_id(self.agent), 403, "not_yours")
        if not (self.agent or named):
            raise Refused(text.agent_id_missing(), "", 422, "fields")
        found = self.agent or named
        if found in self.started_by_us or (found in self.jobs and not self.agent):
            raise Refused(text.agent_of_a_host(found), text.choose_another_id(), 403, "not_yours")
        return found

    def claim_id(self, said: str | None) -> str:
        """The claim that a dequeue is about. A job that was started for one claim gets that and no other."""
        if self.job and self.job.claim_id:
            return self.job.claim_id
        return said or ""

    def only_about(self, task_id: str, fence: int | None) -> None:
        """Raises Refused (403) when this caller was started for another attempt."""
        if self.job and self.job.task_id and (task_id, fence or self.job.fence) != (self.job.task_id, self.job.fence):
            raise Refused(actions_text.not_its_task(), actions_text.use_operator_token(), 403, "not_yours")


NOBODY: Final = Caller("", "")


class Doorkeeper:
    """Knows callers by their bearer token; one per process."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._started_by_us, self._jobs = (
            frozenset(entry.agent_id(agent) for entry in hosts for agent in entry.agents)
            for hosts in (fleet.settings.machines, fleet.settings.workflow_hosts)
        )
        self._written: dict[str, float] = {}
        self._lock = threading.Lock()

    def caller(self, request: Request, may: May) -> Caller:
        """Raises Refused: 401 without a known token, 403 when it may not make this call."""
        if may in (May.ANYONE, May.ID_TOKEN):  # the latter is checked by its one call
            return NOBODY
        found = self._known(bearer(request))
        if not _allowed(found, may, own_tokens_only=self._fleet.settings.orchestrator.require_agent_tokens):
            raise Refused(text.may_not(found.role, may.value), text.ask_for_a_token(may.value), 403, "forbidden")
        return found

    def _known(self, secret: str) -> Caller:
        shared = self._fleet.settings.orchestrator.http_pull_token.get_secret_value().encode("utf-8", "surrogatepass")
        # on bytes: comparing text that is not ASCII raises
        if shared and hmac.compare_digest(shared, secret.encode("latin-1", "replace")):
            return Caller(
                "enrolment token", ENROLMENT, fenceless=True, started_by_us=self._started_by_us, jobs=self._jobs
            )
        now = self._fleet.clock()
        if secret.startswith(job_sessions.PREFIX):
            return self._job(secret, now)
        token = self._fleet.read(lambda sql: tokens.find(sql, secret))
        if token is None or not token.usable(now):
            raise Refused(text.unknown_token(), text.how_to_make_a_token(), 401, "unknown_token")
        self._note_use(token, now)
        role = token.role if token.role in _RANK else "agent"
        return Caller(token.name, role, token.agent, token.repos, token.legacy, self._started_by_us, self._jobs)

    def _job(self, secret: str, now: float) -> Caller:
        session = self._fleet.read(lambda sql: job_sessions.find(sql, secret, now))
        if session is None:
            raise Refused(text.unknown_token(), actions_text.ask_for_a_new_one(), 401, "job_session_over")
        own = (session.repository,)
        return Caller(session.name, session.role, session.agent, own, False, self._started_by_us, self._jobs, session)

    def _note_use(self, token: Token, now: float) -> None:
        with self._lock:
            last = max(self._written.get(token.prefix, 0.0), token.last_used_at)
            if 0 <= now - last < _USE_EVERY_SECS:
                return
            self._written[token.prefix] = now
        self._fleet.store.write(lambda sql: tokens.used(sql, token.prefix, now))


def may_see(sql: Sql, caller: Caller, agent: str, task_id: str) -> None:
    """Operators see every task, agents those they run or ran. Raises Refused (403)."""
    if caller.operates:
        return
    if not any(a.agent == caller.as_agent(agent) for a in attempts.of_task(sql, task_id)):
        raise Refused(text.not_your_task(), text.ask_for_a_token(May.READ.value), 403, "not_yours")


def within_its_repository(sql: Sql, caller: Caller, task_id: str, repo: str | None) -> None:
    """A job steers and sees what belongs to its own repository, and works on what it claimed. Raises Refused (403).

    ``repo`` is what the call names, None when it names none; a call that is about neither is not for jobs.
    """
    job = caller.job
    if job is None or not caller.operates:
        return
    if task_id:
        known = forge_facts.repo_named(sql, job.repository)
        fits = known is not None and tasks.get(sql, task_id).repo_id == known.id
    elif repo is None:
        raise Refused(actions_text.not_for_jobs(), actions_text.use_operator_token(), 403, "not_for_jobs")
    else:
        fits = repo.lower() == job.repository.lower()
    if not fits:
        raise Refused(
            actions_text.not_its_repository(job.repository), actions_text.use_operator_token(), 403, "not_yours"
        )


def bearer(request: Request, longest: int = 0) -> str:
    """The token of a request. Raises Refused (401)."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise Refused(text.no_token(), text.how_to_make_a_token(), 401, "no_token")
    if len(secret) > (longest or _LONGEST):
        raise Refused(text.unknown_token(), text.how_to_make_a_token(), 401, "unknown_token")
    return secret


def _allowed(caller: Caller, may: May, *, own_tokens_only: bool) -> bool:
    if may is May.ANY_TOKEN:
        return True
    if caller.job and caller.job.task_id and may is not May.AGENT:
        return False  # it was started for one attempt: nothing to register, nothing to look around for
    if caller.operates:
        return may in _NEEDED and _RANK[caller.role] >= _NEEDED[may]
    if may is May.ENROL:
        return True
    if may not in (May.AGENT, May.SEE):
        return False
    return bool(caller.agent) or (caller.role == ENROLMENT and not own_tokens_only)
