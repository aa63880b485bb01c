"""Id tokens of Forgejo Actions: checked with the forge's keys, used once, exchanged for a session of some minutes.

A bearer token that holds for an hour and many calls could be taken from one of them and used elsewhere. So a job
shows its id token once, and goes on with a session that ends sooner and is known to nobody else.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from bot import idkeys
from bot.core import actions_text as text
from bot.core import oidc
from bot.core.errors import Refused, Unavailable
from bot.core.oidc import Expected, Job
from bot.idkeys import PublicKey
from bot.service.fleet import Fleet, Step
from bot.store import forge_facts, job_sessions, workflow_runs
from bot.store.job_sessions import JobSession

log = structlog.get_logger(__name__)

#: Keys are read again after so long; while the forge is down, older ones hold for a day.
_FRESH_SECS: Final = 600.0
_STALE_SECS: Final = 24 * 3600.0
#: For a key that nobody has seen yet, the forge is asked at most this often.
_UNKNOWN_SECS: Final = 10.0
_AGENT_CHARS: Final = 128

Jwk = Mapping[str, Any]


class KeyRing:
    """The forge's public keys by key id; threads may share it. ``clock`` in seconds."""

    def __init__(self, read: Callable[[], Sequence[Jwk]], clock: Callable[[], float]) -> None:
        self._read, self._clock = read, clock
        self._keys: dict[str, PublicKey] = {}
        self._read_at = self._asked_at = float("-inf")
        self._lock = threading.Lock()

    def key(self, kid: str, algorithm: str) -> PublicKey:
        """Raises Refused (401) for one that the forge does not list for ``algorithm``, Unavailable when it is down."""
        with self._lock:
            age = self._clock() - self._read_at
            if not 0 <= age < _FRESH_SECS or (kid not in self._keys and self._may_ask()):
                self._refresh(age)
            found = self._keys.get(kid)
        if found is None or found.algorithm not in ("", algorithm):
            raise Refused(text.unknown_signing_key(kid), text.ask_for_a_new_one(), 401, "id_token_key")
        return found

    def _may_ask(self) -> bool:
        return not 0 <= self._clock() - self._asked_at < _UNKNOWN_SECS

    def _refresh(self, age: float) -> None:
        now = self._clock()
        if not self._may_ask() and self._keys and age < _STALE_SECS:
            return
        self._asked_at = now
        try:
            listed = self._read()
        except (Unavailable, Refused) as problem:
            if self._keys and 0 <= age < _STALE_SECS:
                log.warning("the forge's keys are not up to date", reason=str(problem))
                return
            raise Unavailable(str(problem), retry_after=5.0) from problem
        found = {str(jwk["kid"]): key for jwk in listed if (key := idkeys.read(jwk))}
        if self._keys and found.keys() != self._keys.keys():
            log.info("the forge's keys have changed", keys=sorted(found))
        self._keys, self._read_at = found, now


def verified(fleet: Fleet, ring: KeyRing, token: str) -> Job:
    """Who an id token speaks for. Raises Refused (401, 403) with what is wrong with it, Unavailable."""
    unverified = oidc.read(token)
    key = ring.key(unverified.kid, unverified.algorithm)
    if not key.fits(unverified.algorithm, unverified.signature, unverified.signed):
        raise Refused(text.wrong_signature(), text.ask_for_a_new_one(), 401, "id_token_signature")
    return oidc.job_of(unverified.claims, _expected(fleet), fleet.clock())


def exchange(fleet: Fleet, ring: KeyRing, token: str, claim_id: str = "") -> tuple[str, JobSession]:
    """A session for an id token, which is spent by it; returns (secret, session).

    With ``claim_id`` the job says that it is the run that was started for that claim. Else the rules of ``[actions]``
    decide. Raises Refused (401, 403), Unavailable.
    """
    job = verified(fleet, ring, token)

    def command(step: Step) -> tuple[str, JobSession]:
        session = _of_claim(step, job, claim_id) if claim_id else _by_rule(step, job)
        if not job_sessions.spend(step.sql, oidc.signed_part(token), job.expires_at + 2 * oidc.LEEWAY_SECS):
            raise Refused(text.used_before(), text.ask_for_a_new_one(), 401, "id_token_replayed")
        return job_sessions.open_one(step.sql, session), session

    secret, session = fleet.step(command)
    log.info("a job showed its id token", job=session.name, role=session.role, workflow=job.workflow, on=job.event)
    return secret, session


def _by_rule(step: Step, job: Job) -> JobSession:
    settings = step.fleet.settings
    role = oidc.role_of(job, [entry.rule() for entry in settings.actions.allow])
    known = forge_facts.repo_named(step.sql, job.repository)
    if known and job.repository_id not in (0, known.id):  # what we know by that name is another one, renamed since
        reason = text.rule_does_not_fit(job.repository, text.why_id())
        raise Refused(reason, text.add_a_rule(), 403, "id_token_not_allowed")
    session = _session(step, job, role, known.id if known else job.repository_id)
    if role != "agent":
        return session
    return replace(session, agent=session.name if len(session.name) <= _AGENT_CHARS else f"actions:{job.run_id}")


def _of_claim(step: Step, job: Job, claim_id: str) -> JobSession:
    run = workflow_runs.by_claim(step.sql, claim_id)
    repo = forge_facts.repo(step.sql, run.repo_id) if run else None
    same = repo is not None and (
        job.repository_id == repo.id if job.repository_id else repo.full_name.lower() == job.repository.lower()
    )
    ours = run is not None and run.live and same
    if not run or not ours or job.event != "workflow_dispatch" or run.run_id not in (0, job.run_id):
        raise Refused(text.no_such_run(), text.use_operator_token(), 403, "no_such_run")
    if not run.run_id:  # the answer to starting it is still on its way
        raise Unavailable(text.run_not_known_yet(), retry_after=2)
    session = _session(step, job, "agent", run.repo_id)
    return replace(session, agent=run.agent, task_id=run.task_id, fence=run.fence, claim_id=claim_id)


def _session(step: Step, job: Job, role: str, repo_id: int) -> JobSession:
    until = step.now + step.fleet.settings.actions.session_secs
    return JobSession(role, "", job.repository, repo_id, job.run_id, "", 0, "", until)


def _expected(fleet: Fleet) -> Expected:
    settings = fleet.settings
    return Expected(
        issuer=settings.actions_issuer,
        audience=settings.actions.audience,
        branch_prefix=settings.orchestrator.branch_prefix,
        agent_accounts=frozenset(settings.forgejo.agent_accounts),
    )
