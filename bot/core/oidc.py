"""Id tokens of Forgejo Actions: reading them, and what their claims allow. Keys and signatures are checked elsewhere.

``sub`` is never looked at: Forgejo 16 writes it otherwise than 15. The separate claims say the same in both.
"""

import base64
import binascii
import fnmatch
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.core import actions_text as text
from bot.core.errors import Refused

ALGORITHMS: Final = ("RS256", "RS384", "RS512")
#: Clocks of forge and orchestrator may differ by so much.
LEEWAY_SECS: Final = 60
LONGEST: Final = 16 * 1024
_PART: Final = re.compile(rb"[A-Za-z0-9_-]+")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")

Json = dict[str, Any]


@dataclass(frozen=True)
class Unverified:
    """A token as it came: nothing in it is true until the signature was checked over ``signed``."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @property
    def kid(self) -> str:
        found = self.header.get("kid")
        return found if isinstance(found, str) else ""

    @property
    def algorithm(self) -> str:
        return str(self.header["alg"])


@dataclass(frozen=True)
class Expected:
    """What every token has to say. ``branch_prefix``: where agents' branches lie."""

    issuer: str
    audience: str
    branch_prefix: str
    agent_accounts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rule:
    """What jobs of a repository may do. Empty lists: any event, protected refs, any actor, any workflow."""

    repository: str
    role: str
    repository_id: int = 0
    refs: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """Who calls, as the forge signed it. ``repository_id`` 0: Forgejo 15, which does not say it."""

    repository: str
    repository_id: int
    run_id: int
    run_attempt: int
    event: str
    ref: str
    ref_protected: bool
    actor: str
    workflow: str
    expires_at: float


def read(token: str) -> Unverified:
    """The parts of a compact JWS. Raises Refused (401) for anything else, and for every algorithm but RSA's."""
    parts = token.encode("utf-8", "replace").split(b".")
    if len(token) > LONGEST or len(parts) != 3 or not all(_PART.fullmatch(p) for p in parts[:2]):
        raise _refused(text.not_a_token(), text.how_to_get_one(), "not_an_id_token")
    header, claims = _object(parts[0]), _object(parts[1])
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS or "crit" in header:
        raise _refused(text.wrong_algorithm(str(algorithm)), text.ask_for_a_new_one(), "algorithm")
    return Unverified(header, claims, parts[0] + b"." + parts[1], _decoded(parts[2]))


def signed_part(token: str) -> str:
    """What the signature is over. Two tokens with the same are the same token, however the signature is written."""
    return token.rpartition(".")[0]


def job_of(claims: Mapping[str, Any], expected: Expected, now: float) -> Job:
    """Who a token with a good signature speaks for. Raises Refused: 401 when it is not for us or not now, 403 when
    runs of its kind never qualify.
    """
    _for_us(claims, expected)
    expires_at = _in_time(claims, now)
    event, ref = _said(claims, "event_name"), _said(claims, "ref")
    if event.startswith("pull_request"):
        raise _refused(text.event_never(event), text.use_another_event(), "event", 403)
    for name in (ref, _optional(claims, "head_ref")):
        bare = name.removeprefix("refs/heads/").removeprefix("refs/tags/")
        if bare.lower().startswith(expected.branch_prefix.lower()):
            raise _refused(text.ref_never(name), text.run_on_the_default_branch(), "ref", 403)
    if not ref.startswith(("refs/heads/", "refs/tags/")):
        raise _refused(text.odd_ref(ref), text.run_on_the_default_branch(), "ref", 403)
    actor, repository = _said(claims, "actor"), _said(claims, "repository")
    if actor.lower() in {x.lower() for x in expected.agent_accounts}:
        raise _refused(text.rule_does_not_fit(repository, text.why_actor(actor)), text.add_a_rule(), "actor", 403)
    if not _REPOSITORY.fullmatch(repository):
        raise _refused(text.claim_missing("repository"), "", "claims")
    return Job(
        repository=repository,
        repository_id=_number(claims, "repository_id", needed=False),
        run_id=_number(claims, "run_id"),
        run_attempt=_number(claims, "run_attempt"),
        event=event,
        ref=ref,
        ref_protected=claims.get("ref_protected") in ("true", True),
        actor=actor,
        workflow=_said(claims, "workflow_ref").partition("@")[0].removeprefix(f"{repository}/"),
        expires_at=expires_at,
    )


def role_of(job: Job, rules: Sequence[Rule]) -> str:
    """The role of the first rule that fits: read, write or agent. Raises Refused (403) with why none does."""
    why = ""
    for rule in rules:
        if fnmatch.fnmatchcase(job.repository.lower(), rule.repository.lower()):
            against = _against(job, rule)
            if not against:
                return rule.role
            why = why or against
    name = job.repository
    reason = text.rule_does_not_fit(name, why) if why else text.repository_unlisted(name)
    raise _refused(reason, text.add_a_rule(), "not_allowed", 403)


def _against(job: Job, rule: Rule) -> str:
    """Why the rule does not fit, "" when it does."""
    if rule.repository_id and rule.repository_id != job.repository_id:
        return text.why_id()
    if rule.events and job.event not in rule.events:
        return text.why_event(job.event)
    if rule.refs and not any(fnmatch.fnmatchcase(job.ref, glob) for glob in rule.refs):
        return text.why_ref(job.ref)
    if not rule.refs and not job.ref_protected:
        return text.why_unprotected(job.ref)
    if rule.actors and job.actor.lower() not in {x.lower() for x in rule.actors}:
        return text.why_actor(job.actor)
    if rule.workflows and job.workflow not in rule.workflows:
        return text.why_workflow(job.workflow)
    return ""


def _for_us(claims: Mapping[str, Any], expected: Expected) -> None:
    issuer, audience = claims.get("iss"), claims.get("aud")
    if issuer != expected.issuer:
        raise _refused(text.other_issuer(str(issuer), expected.issuer), text.check_the_issuer(), "issuer")
    named = audience if isinstance(audience, list) else [audience]
    if named != [expected.audience]:  # a token that others accept too could be theirs to replay
        reason = text.other_audience(", ".join(map(str, named)), expected.audience)
        raise _refused(reason, text.ask_for_audience(expected.audience), "audience")


def _in_time(claims: Mapping[str, Any], now: float) -> float:
    """When it ends, in seconds since the epoch."""
    moments = {name: _moment(claims, name) for name in ("exp", "iat", "nbf")}
    if now >= moments["exp"] + LEEWAY_SECS:
        raise _refused(text.token_over(), text.ask_for_a_new_one(), "expired")
    if now + LEEWAY_SECS < max(moments["iat"], moments["nbf"]):
        raise _refused(text.token_not_yet(), text.ask_for_a_new_one(), "not_yet")
    return moments["exp"]


def _moment(claims: Mapping[str, Any], name: str) -> float:
    found = claims.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 2**53:
        raise _refused(text.claim_missing(name), text.ask_for_a_new_one(), "claims")
    return float(found)


def _said(claims: Mapping[str, Any], name: str) -> str:
    found = _optional(claims, name)
    if not found:
        raise _refused(text.claim_missing(name), text.how_to_get_one(), "claims")
    return found


def _optional(claims: Mapping[str, Any], name: str) -> str:
    found = claims.get(name, "")
    return found if isinstance(found, str) and len(found) <= 500 and found.isprintable() else ""


def _number(claims: Mapping[str, Any], name: str, *, needed: bool = True) -> int:
    """Forgejo writes numbers as text."""
    found = str(claims.get(name, ""))
    if _NUMBER.fullmatch(found):
        return int(found)
    if needed or found:
        raise _refused(text.claim_missing(name), text.how_to_get_one(), "claims")
    return 0


def _object(part: bytes) -> Json:
    try:
        found = json.loads(_decoded(part))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _refused(text.not_a_token(), text.how_to_get_one(), "not_an_id_token")
    return found


def _decoded(part: bytes) -> bytes:
    """Each value has one way of writing it: Python also takes ``+/``, padding and loose bits at the end."""
    try:
        found = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except binascii.Error:
        found = b""
    if base64.urlsafe_b64encode(found).rstrip(b"=") != part:
        raise _refused(text.not_a_token(), text.how_to_get_one(), "not_an_id_token")
    return found


def _refused(reason: str, fix: str, kind: str, status: int = 401) -> Refused:
    return Refused(reason, fix, status, f"id_token_{kind}" if not kind.endswith("id_token") else kind)
