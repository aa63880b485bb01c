"""The OpenAPI document of this server, as it serves it."""

from typing import Final

from bot.web.answers import Answer
from bot.web.callers import May
from bot.web.endpoint import Call, Endpoints

ENDPOINTS: Final = Endpoints("documents", "Documents")


@ENDPOINTS.get("/api/v1/openapi.json", May.ANY_TOKEN, {200: "application/json"})
def openapi(call: Call) -> Answer:
    """This document (OpenAPI 3.1)."""
    return Answer(call.house.document, media="application/json")
