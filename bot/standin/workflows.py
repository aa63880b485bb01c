"""Actions: workflows that are dispatched, their runs, and id tokens for jobs. Nothing is executed here.

A story says what becomes of a run. Shapes and statuses are those recorded of Forgejo 15.0.
"""

import base64
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from werkzeug.datastructures import Authorization

from bot.standin.answers import Json, Refusal, Reply
from bot.standin.people import Person, Right
from bot.standin.render.people import EPOCH, user, when
from bot.standin.render.repositories import repository

if TYPE_CHECKING:
    from bot.standin.forge import Standin
    from bot.standin.repositories import Repository

FOLDER: Final = ".forgejo/workflows"
TOKEN_SECS: Final = 3600
OVER: Final = ("success", "failure", "cancelled", "skipped")


@dataclass(eq=False)
class Run:
    """A workflow run. ``status`` is Forgejo's word: waiting, running, success, failure, cancelled …"""

    repo: "Repository"
    id: int
    number: int
    workflow: str
    branch: str
    sha: str
    by: Person
    inputs: Mapping[str, str]
    created: float
    status: str = "waiting"
    needs_approval: bool = False
    updated: float = 0.0
    event: str = "workflow_dispatch"
    job_token: str = field(default_factory=lambda: secrets.token_hex(20))

    @property
    def id_token_url(self) -> str:
        """Where its jobs ask for an id token."""
        return f"{self.repo.forge.url}/api/actions/_apis/pipelines/workflows/{self.id}/idtoken?placeholder=true"

    def becomes(self, status: str) -> None:
        """What a runner, or a person on its page, makes of it."""
        self.status, self.updated = status, self.repo.forge.now()

    @property
    def page(self) -> str:
        return f"{self.repo.forge.url}/{self.repo.full_name}/actions/runs/{self.number}"

    def claims(self, audience: str) -> dict[str, Json]:
        """What the id token of one of its jobs says, as Forgejo 15 does."""
        now, ref = int(self.repo.forge.now()), f"refs/heads/{self.branch}"
        return {
            "actor": self.by.login,
            "aud": audience or f"{self.repo.forge.url}/{self.repo.owner.login}",
            "base_ref": "",
            "event_name": self.event,
            "exp": now + TOKEN_SECS,
            "head_ref": "",
            "iat": now,
            "iss": f"{self.repo.forge.url}/api/actions",
            "nbf": now,
            "ref": ref,
            "ref_protected": "true" if any(p.rule_name == self.branch for p in self.repo.protections) else "false",
            "ref_type": "branch",
            "repository": self.repo.full_name,
            "repository_owner": self.repo.owner.login,
            "run_attempt": "1",
            "run_id": str(self.id),
            "run_number": str(self.number),
            "sha": self.sha,
            "sub": f"repo:{self.repo.full_name}:ref:{ref}",
            "workflow": self.workflow,
            "workflow_ref": f"{self.repo.full_name}/{FOLDER}/{self.workflow}@{ref}",
        }


@dataclass(eq=False)
class Signer:
    """The forge's key for id tokens; ``rotate`` replaces it."""

    key: rsa.RSAPrivateKey | None = field(default=None, repr=False)
    number: int = 0

    def _key(self) -> rsa.RSAPrivateKey:
        if self.key is None:
            self.rotate()
        assert self.key is not None  # noqa: S101 - made a line above
        return self.key

    def rotate(self) -> None:
        self.key, self.number = rsa.generate_private_key(65537, 2048), self.number + 1

    def jwks(self) -> dict[str, Json]:
        numbers = self._key().public_key().public_numbers()
        n, e = (_b64(x.to_bytes((x.bit_length() + 7) // 8, "big")) for x in (numbers.n, numbers.e))
        return {"keys": [{"alg": "RS256", "e": e, "kid": f"key-{self.number}", "kty": "RSA", "n": n, "use": "sig"}]}

    def sign(self, claims: Mapping[str, Json]) -> str:
        """A compact JWS, RS256."""
        key = self._key()
        header = {"alg": "RS256", "kid": f"key-{self.number}", "typ": "JWT"}
        signed = ".".join(_b64(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{_b64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def dispatch(repo: "Repository", by: Person, workflow: str, ref: str, inputs: Mapping[str, str]) -> Run:
    """A new run; refuses as Forgejo 15 does (an unknown workflow or branch is its mistake: 500)."""
    full = ref.startswith("refs/")
    branch = ref.removeprefix("refs/heads/")
    sha = repo.git.branch_sha(branch)
    if not sha:
        raise Refusal(404, f"object does not exist [id: {ref}, rel_path: ]") if full else Refusal(500, "")
    if repo.read_file(branch, f"{FOLDER}/{workflow}") is None:
        raise Refusal(500, "")
    number = sum(run.repo is repo for run in repo.forge.runs.values()) + 1
    made = Run(repo, repo.forge.next_id("run"), number, workflow, branch, sha, by, dict(inputs), repo.forge.now())
    repo.forge.runs[made.id] = made
    return made


def rendered(run: Run, right: Right) -> dict[str, Json]:
    """A run as the API shows it."""
    trigger = user(run.repo.forge, run.by)
    payload = {"inputs": dict(run.inputs), "ref": f"refs/heads/{run.branch}", "workflow": run.workflow}
    begun = when(run.updated) if run.status != "waiting" and run.updated else EPOCH
    return {
        "id": run.id,
        "title": run.workflow.rpartition(".")[0],
        "repository": repository(run.repo, right),
        "workflow_id": run.workflow,
        "index_in_repo": run.number,
        "trigger_user": trigger,
        "ScheduleID": 0,
        "prettyref": run.branch,
        "is_ref_deleted": False,
        "commit_sha": run.sha,
        "is_fork_pull_request": False,
        "need_approval": run.needs_approval,
        "approved_by": 0,
        "event": "",
        "event_payload": json.dumps(payload, separators=(",", ":")),
        "trigger_event": run.event,
        "status": run.status,
        "started": begun,
        "stopped": begun if run.status in OVER else EPOCH,
        "created": when(run.created),
        "updated": when(run.updated or run.created),
        "html_url": run.page,
    }


def answer(forge: "Standin", path: str, who: Authorization | None, query: Mapping[str, str]) -> Reply | None:
    """What is asked about id tokens beside the API: the keys by anyone, a token by a job of a run."""
    known = _well_known(forge, path)
    if known is not None:
        return Reply(200, known)
    asked = re.fullmatch(r"/api/actions/_apis/pipelines/workflows/([0-9]+)/idtoken", path)
    run = forge.runs.get(int(asked[1])) if asked else None
    if run is None:
        return None
    if who is None or who.token != run.job_token:
        return Refusal(500, "").reply(forge.url)  # seen so on 15.0
    return Reply(200, {"value": forge.signer.sign(run.claims(query.get("audience", "")))})


def _well_known(forge: "Standin", path: str) -> dict[str, Json] | None:
    if path == "/api/actions/.well-known/keys":
        return forge.signer.jwks()
    if path == "/api/actions/.well-known/openid-configuration":
        issuer = f"{forge.url}/api/actions"
        return {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/keys",
            "subject_types_supported": ["public"],
            "response_types_supported": ["id_token"],
            "claims_supported": [],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
        }
    return None


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
