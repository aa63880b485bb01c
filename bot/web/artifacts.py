"""Files beside the commits: reports, screenshots, logs of tools. Bytes only; an address is never fetched."""

import tempfile
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from bot.core import receipt_text as text
from bot.core.errors import Refused
from bot.service import artifacts
from bot.service.artifacts import Upload
from bot.store import Sql, tasks
from bot.store import artifacts as stored
from bot.web.answers import Answer, Shown, moment
from bot.web.callers import May, may_see
from bot.web.endpoint import Call, Endpoints
from bot.web.fences import fence_of
from bot.web.fields import AgentId, Fence
from bot.web.requests import Asked, stream_to

ENDPOINTS: Final = Endpoints("artifacts", "Artifacts")

BYTES: Final = "application/octet-stream"
_PATH: Final = "/api/v1/tasks/<task_id>/artifacts/<name>"
_NAME: Final = TypeAdapter(Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")])


class Sent(Asked):
    agent_id: AgentId = ""
    fence: Fence | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """What the agent says the bytes' SHA-256 is; another one is refused."""


class Wanted(Asked):
    agent_id: AgentId = ""
    """Needed with the enrolment token only."""
    fence: Fence | None = None
    """Of which attempt; absent: the newest."""


class ArtifactShown(Shown):
    name: str
    attempt: int
    bytes: int
    sha256: str
    """Of the bytes as they came, computed here."""
    created_at: str | None


@ENDPOINTS.put(_PATH, May.AGENT, {200: ArtifactShown}, takes=BYTES)
def artifact_kept(call: Call, task_id: str, name: str, asked: Sent) -> Answer:
    """A file of the running attempt. The same bytes again are the same file, others under its name are 409."""
    agent_id, fence = call.caller.as_agent(asked.agent_id), fence_of(call.caller, asked.fence)
    upload = Upload(_checked(name), asked.sha256 or "")
    held = artifacts.may_upload(call.fleet, agent_id, task_id, fence)
    incoming = call.fleet.data_dir / "incoming"
    incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=incoming, suffix=".artifact") as file:
        stream_to(call.request, file, call.fleet.settings.orchestrator.max_artifact_bytes, (BYTES,))
        file.flush()
        made = artifacts.keep(call.fleet, agent_id, task_id, held, upload, Path(file.name))
    return Answer(
        ArtifactShown(
            name=made.name,
            attempt=made.fence,
            bytes=made.size,
            sha256=made.sha256,
            created_at=moment(made.created_at),
        )
    )


@ENDPOINTS.get(_PATH, May.SEE, {200: BYTES})
def artifact(call: Call, task_id: str, name: str, asked: Wanted) -> Answer:
    """The bytes of a file that an attempt handed in."""

    def query(sql: Sql) -> Path:
        task = tasks.get(sql, task_id)
        may_see(sql, call.caller, asked.agent_id, task_id)
        found = stored.of_attempt(sql, task_id, asked.fence or task.fence)
        sha256 = next((a.sha256 for a in found if a.name == name), "")
        path = artifacts.place(call.fleet.data_dir, sha256)
        if not sha256 or not path.is_file():
            raise Refused(text.no_such_artifact(name), text.see_receipts(), 404, "no_such_artifact")
        return path

    headers = {"Content-Disposition": "attachment", "Content-Security-Policy": "sandbox"}
    return Answer(call.fleet.read(query), headers=headers, media=BYTES)


def _checked(name: str) -> str:
    try:
        return _NAME.validate_python(name)
    except ValidationError as wrong:
        raise Refused(text.artifact_name(), "", 422, "fields") from wrong
