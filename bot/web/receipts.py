"""Receipts: an agent's claims about what it did, kept as they came."""

from typing import Any, Final, Self

from pydantic import Field, model_validator

from bot.core import api_text as text
from bot.core.errors import Refused
from bot.service import late_receipts
from bot.store import Sql, receipts
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


@ENDPOINTS.post("/api/v1/receipts", May.AGENT, {201: ReceiptShown})
def receipt_kept(call: Call, said: Receipt) -> Answer:
    """Keeps a receipt without completing anything: late facts, artifacts. The same one again is kept once."""
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
