"""The receipt of the earlier agent-fleet, and what it means in ours."""

from typing import Annotated, Any, Literal

from pydantic import Field

from bot.service.reports import Completion
from bot.web.fields import Message
from bot.web.requests import Said


class EarlierReceipt(Said):
    """Members of the earlier receipt; it stands in the body itself."""

    status: Literal["completed", "failed", "partial"] | None = None
    duration_seconds: Annotated[float, Field(ge=0)] | None = None
    summary: Annotated[str, Field(max_length=200_000)] | None = None
    artifacts: Annotated[list[dict[str, Any]], Field(max_length=200)] | None = None
    error: Message | None = None

    def as_receipt(self) -> dict[str, Any]:
        """What is kept: the members that were sent, under their names."""
        names = EarlierReceipt.model_fields
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def as_completion(self, *, has_result: bool) -> Completion:
        """``completed`` with a pull request or commits is done, without is "nothing to change" and the summary why.

        ``partial`` work is done when there is a pull request to look at, else the attempt has failed.
        """
        receipt = self.as_receipt()
        names_pull = any(a.get("type") == "pr" for a in self.artifacts or ())
        if self.status == "failed" or (self.status == "partial" and not (names_pull or has_result)):
            return Completion("failed", message=self.error or self.summary or "", receipt=receipt)
        outcome = "done" if names_pull or has_result else "no_change"
        return Completion(outcome, message=self.summary or "", receipt=receipt)
