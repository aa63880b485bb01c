"""What this server tells about itself: its OpenAPI document, and how an agent joins it."""

import re
from pathlib import Path
from typing import Final

from bot.web.answers import Answer
from bot.web.callers import May
from bot.web.endpoint import Call, Endpoints

ENDPOINTS: Final = Endpoints("documents", "Documents")

#: The address that stands in the page for the server's own.
EXAMPLE: Final = "https://fleet.example.org"


@ENDPOINTS.get("/api/v1/openapi.json", May.ANY_TOKEN, {200: "application/json"})
def openapi(call: Call) -> Answer:
    """This document (OpenAPI 3.1)."""
    return Answer(call.house.document, media="application/json")


@ENDPOINTS.get("/skill.md", May.ANYONE, {200: "text/markdown"})
def skill(call: Call) -> Answer:
    """What an AI agent needs to know to join this fleet on its own, as Markdown with commands; holds no secret."""
    told = re.sub(r"^<!-- run: .*?-->\n", "", skill_page(), flags=re.MULTILINE)
    return Answer(told.replace(EXAMPLE, call.fleet.settings.server.url.rstrip("/")), media="text/markdown")


def skill_page() -> str:
    """The text of `docs/agent-skill.md`; `<!-- run: … -->` is for the test that follows it."""
    return (Path(__file__).parent / "skill.md").read_text("utf-8")
