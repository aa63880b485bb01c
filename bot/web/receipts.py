"""Receipts: an agent's claims as they came, and what the orchestrator signed about the same work."""

import base64
import json
from typing import Any, Final, Self

from pydantic import Field, model_validator

from bot import signing
from bot.core import api_text as text
from bot.core.errors import Refused
from bot.service import late_receipts, receipt_key
from bot.store import Sql, receipts, signed_receipts, tasks
from bot.web.answers import Answer, Shown, moment
from bot.web.callers import May, may_see
from bot.web.earlier_wire import EarlierReceipt
from bot.web.endpoint import Call, Endpoints
from bot.web.fences import fence_of
from bot.web.fields import AgentId, Fence, TaskId
from bot.web.requests import Asked

ENDPOINTS: Final = Endpoints("receipts", "Receipts")


class Receipt(EarlierReceipt):
    """``receipt`` with a ``fence``; or, from agents of the earlier wire, its members beside the ids."""

    task_id: TaskId
    agent_id: AgentId = ""
    fence: Fence | None = None
    receipt: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _some_receipt(self) -> Self:
        if self.receipt is None and self.status is None:
            raise ValueError(text.receipt_missing())
        return self


class ReceiptShown(Shown):
    receipt_id: str
    task_id: str
    attempt: int
    agent_id: str
    sha256: str
    """Of the receipt as canonical JSON (sorted keys)."""
    receipt: dict[str, Any]
    created_at: str | None


class ReceiptPage(Shown):
    receipts: list[ReceiptShown]
    next_cursor: str | None


class Which(Asked):
    agent_id: AgentId = Field(default="")
    """Needed with the enrolment token only."""


class SignedShown(Shown):
    receipt_id: str
    number: int
    """Its place in the repository's chain, from 1."""
    attempt: int
    sha256: str
    """Of the receipt without `sig`, as canonical JSON (RFC 8785, integers only)."""
    result: str
    receipt: dict[str, Any]
    """What `agent-fleet receipts verify` checks."""


class SignedPage(Shown):
    receipts: list[SignedShown]


class PublicKeyShown(Shown):
    key_id: str
    alg: str
    public_key: str
    """32 bytes in base64."""
    pem: str
    created_at: str | None
    retired_at: str | None
    """Null for the one that signs now."""


class PublicKeys(Shown):
    keys: list[PublicKeyShown]


@ENDPOINTS.get("/.well-known/agent-fleet-receipt-keys", May.ANYONE, {200: PublicKeys})
def receipt_keys(call: Call) -> Answer:
    """The public keys that receipts were signed with, the present one first. Keep a copy of what you trust."""
    receipt_key.ready(call.fleet)
    found = call.fleet.read(signed_receipts.keys)
    return Answer(
        PublicKeys(
            keys=[
                PublicKeyShown(
                    key_id=key.key_id,
                    alg="ed25519",
                    public_key=base64.b64encode(key.public).decode(),
                    pem=signing.public_pem(key.public),
                    created_at=moment(key.created_at),
                    retired_at=moment(key.retired_at),
                )
                for key in found
            ]
        )
    )


@ENDPOINTS.get("/api/v1/tasks/<task_id>/signed-receipts", May.SEE, {200: SignedPage})
def signed_of_task(call: Call, task_id: str, asked: Which) -> Answer:
    """The signed receipts of a task, oldest first: one per attempt that ended well, signed when all was looked at."""

    def query(sql: Sql) -> list[signed_receipts.Signed]:
        tasks.get(sql, task_id)
        may_see(sql, call.caller, asked.agent_id, task_id)
        return signed_receipts.of_task(sql, task_id)

    return Answer(
        SignedPage(
            receipts=[
                SignedShown(
                    receipt_id=one.id,
                    number=one.number,
                    attempt=one.fence,
                    sha256=one.sha256,
                    result=one.result,
                    receipt=json.loads(one.body),
                )
                for one in call.fleet.read(query)
            ]
        )
    )


@ENDPOINTS.post("/api/v1/receipts", May.AGENT, {201: ReceiptShown})
def receipt_kept(call: Call, said: Receipt) -> Answer:
    """Keeps a receipt without completing anything: late facts, artifacts. The same one again is kept once.

    A claim that contradicts what the server or the forge knows is refused with 422 and the rule that it breaks.
    """
    agent_id = call.caller.as_agent(said.agent_id)
    fence = fence_of(call.caller, said.fence)
    content = said.receipt if said.receipt is not None else said.as_receipt()
    receipt_id = late_receipts.keep(call.fleet, agent_id, said.task_id, fence, content)
    found = call.fleet.read(lambda sql: receipts.get(sql, receipt_id))
    assert found is not None  # noqa: S101 - written a line above
    return Answer(receipt_shown(found), 201)


@ENDPOINTS.get("/api/v1/receipts/<receipt_id>", May.SEE, {200: ReceiptShown})
def receipt(call: Call, receipt_id: str, asked: Which) -> Answer:
    """One receipt."""

    def query(sql: Sql) -> ReceiptShown:
        found = receipts.get(sql, receipt_id)
        if found is None:
            raise Refused(text.no_such_receipt(receipt_id), text.list_receipts(), 404, "no_such_receipt")
        may_see(sql, call.caller, asked.agent_id, found["task_id"])
        return receipt_shown(found)

    return Answer(call.fleet.read(query))


def receipt_shown(kept: dict[str, Any]) -> ReceiptShown:
    return ReceiptShown(
        receipt_id=kept["receipt_id"],
        task_id=kept["task_id"],
        attempt=kept["fence"],
        agent_id=kept["agent_id"],
        sha256=kept["sha256"],
        receipt=kept["receipt"],
        created_at=moment(kept["created_at"]),
    )
