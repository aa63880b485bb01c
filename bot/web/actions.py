"""Jobs of Forgejo Actions: showing who they are, following a run, and news where webhooks cannot be set."""

import json
from typing import Annotated, Final

from pydantic import Field, ValidationError

from bot.core import actions_text, oidc
from bot.core import api_text as text
from bot.core.errors import Refused
from bot.service import follows, id_tokens, nudges
from bot.web.answers import Answer, Shown, moment
from bot.web.callers import May, bearer
from bot.web.endpoint import Call, Endpoints
from bot.web.fields import RepoName
from bot.web.requests import Said, WrongFields, read_bytes

ENDPOINTS: Final = Endpoints("actions", "Forgejo Actions")

SIGNATURE: Final = "Agent-Fleet-Signature"
_NUDGE_BYTES: Final = 4096


class Show(Said):
    claim_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,64}$")] = ""
    """The input `run` of a workflow that the orchestrator started."""


class SessionShown(Shown):
    """``token`` is the bearer token of further calls, until ``expires_at``."""

    token: str
    expires_at: str | None
    role: str
    repo: str
    run_id: int
    agent_id: str | None
    """For role agent: the id to work under."""
    task_id: str | None
    """For a job that was started for one attempt of a task."""
    fence: int | None


class Follow(Said):
    run_id: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    """The run to follow; a job that showed its id token is followed itself."""
    run_repo: RepoName | None = None
    """Where the run is; absent: the task's repository."""


class Following(Shown):
    task_id: str
    run_id: int


class Nudge(Said):
    repo: RepoName
    issue: Annotated[int, Field(ge=1, lt=2**53)]


class Nudged(Shown):
    inbox_id: int


@ENDPOINTS.post("/api/v1/actions/session", May.ID_TOKEN, {201: SessionShown}, takes="application/json")
def session(call: Call) -> Answer:
    """Exchanges the id token of a job of Forgejo Actions (as bearer token) for one that holds for some minutes.

    An id token can be used once. What the job may do is said by `[actions]` in the configuration; a job that the
    orchestrator started itself names its `claim_id`.
    """
    token = bearer(call.request, longest=oidc.LONGEST)
    show = _show(read_bytes(call.request, _NUDGE_BYTES))
    secret, made = id_tokens.exchange(call.fleet, call.house.keys, token, show.claim_id)
    return Answer(
        SessionShown(
            token=secret,
            expires_at=moment(made.expires_at),
            role=made.role,
            repo=made.repository,
            run_id=made.run_id,
            agent_id=made.agent or None,
            task_id=made.task_id or None,
            fence=made.fence or None,
        ),
        201,
    )


@ENDPOINTS.post("/api/v1/tasks/<task_id>/follow", May.WRITE, {200: Following})
def follow(call: Call, task_id: str, said: Follow) -> Answer:
    """Cancels the task when the workflow run is cancelled."""
    job = call.caller.job
    run_id = job.run_id if job else said.run_id
    if not run_id:
        raise WrongFields([("run_id", actions_text.run_missing())])
    repo = job.repository if job else said.run_repo or ""
    follows.begin(call.fleet, task_id, repo, run_id, call.caller.name)
    return Answer(Following(task_id=task_id, run_id=run_id))


@ENDPOINTS.post("/api/v1/nudge", May.WRITE, {202: Nudged})
def nudge(call: Call, said: Nudge) -> Answer:
    """An issue is worth a look: for workflows, where webhooks cannot be set. Everything is read from the forge."""
    return Answer(Nudged(inbox_id=nudges.keep(call.fleet, said.repo, said.issue)), 202)


@ENDPOINTS.post(
    "/api/v1/signed-nudge", May.ANYONE, {202: Nudged}, takes="application/json", headers={SIGNATURE: "required"}
)
def signed_nudge(call: Call) -> Answer:
    """The same, signed with the webhooks' secret: hex HMAC-SHA256 of the body in ``Agent-Fleet-Signature``."""
    signature = call.request.headers.get(SIGNATURE, "")
    body = read_bytes(call.request, _NUDGE_BYTES) if signature else b""
    nudges.signed_by_hook_secret(call.fleet, signature, body)
    try:
        said = Nudge.model_validate_json(body)
    except ValidationError as problem:
        raise Refused(text.bad_request(), text.see_the_reference(), 422, "fields") from problem
    return Answer(Nudged(inbox_id=nudges.keep(call.fleet, said.repo, said.issue)), 202)


def _show(body: bytes) -> Show:
    try:
        return Show.model_validate(json.loads(body or b"{}"))
    except ValueError as problem:
        raise Refused(text.bad_request(), text.see_the_reference(), 400, "malformed") from problem
