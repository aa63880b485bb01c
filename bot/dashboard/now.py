"""The first page: is everything all right, and if not, why."""

import gzip
import itertools
import threading
import time
from typing import Final

from flask import Blueprint, Response, current_app, make_response, render_template, request
from jinja2 import Environment

from bot.core import now_text as text
from bot.dashboard import parts
from bot.dashboard.desk import Desk, current_visitor, desk
from bot.dashboard.guard import Access, guard, open_to
from bot.dashboard.streams import Message
from bot.dashboard.trouble import as_pages
from bot.dashboard.visitor import Visitor
from bot.service import overview

BLUEPRINT: Final = Blueprint("now", __name__, template_folder="templates")
guard(BLUEPRINT)
as_pages(BLUEPRINT)

_PARTS: Final = ("alarms", "board", "queue", "agents")
#: What many look at is made once in so long.
_SHARED_SECS: Final = 0.5
_MOST_SHARED: Final = 64
_AGAIN_SECS: Final = 30

#: Who sees the same: the repositories' ids (None = all), whether machines are shown, and whether their troubles are.
Eyes = tuple[frozenset[int] | None, bool, bool]


class Shared:
    """The page's parts as last made, for everybody with the same eyes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[Eyes, tuple[float, dict[str, str]]] = {}

    def parts(self, at: Desk, env: Environment, eyes: Eyes, oldest_secs: float) -> dict[str, str]:
        """As they are, or were at most ``oldest_secs`` ago."""
        with self._lock:  # one makes it; the others, who wait, find it made
            made_at, made = self._made.get(eyes, (float("-inf"), {}))
            if time.monotonic() - made_at < oldest_secs:
                return made
            seen = overview.look(at.fleet, eyes[0], operator=eyes[2])
            given = {"now": seen, "machines": eyes[1], "operator": eyes[2], "text": text}
            fresh = {name: env.get_template(f"now_{name}.html").render(given) for name in _PARTS}
            if len(self._made) >= _MOST_SHARED:
                self._made.clear()
            self._made[eyes] = (time.monotonic(), fresh)
            return fresh


_SHARED: Final = "agent_fleet_now"


def shared() -> Shared:
    found: Shared = current_app.extensions.setdefault(_SHARED, Shared())
    return found


@BLUEPRINT.get("/")
@open_to(Access.VISITOR)
def now() -> Response:
    """Readable without scripts; with them it stays up to date."""
    made = shared().parts(desk(), current_app.jinja_env, _eyes(desk(), current_visitor()), 0.0)
    page = render_template("now.html", parts=made, edition=parts.edition(made), again_secs=_AGAIN_SECS, text=text)
    return _packed(page)


@BLUEPRINT.get("/live")
@open_to(Access.VISITOR)
def now_live() -> Response:
    """The parts of the page that changed, as they change."""
    at, env, visitor, kept = desk(), current_app.jinja_env, current_visitor(), shared()
    ages = itertools.chain([0.0], itertools.repeat(_SHARED_SECS))  # what changed just before is not to be missed

    def look(last: str) -> tuple[list[Message], str]:
        return parts.news(kept.parts(at, env, _eyes(at, visitor), next(ages)), last)

    return at.streams.answer(visitor.name, look, at.sessions.still_open())


def _packed(page: str) -> Response:
    """Smaller on its way: there is no secret in it whose length could be told from that."""
    if not request.accept_encodings.quality("gzip"):
        return make_response(page)
    answer = make_response(gzip.compress(page.encode(), 5))
    answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Vary"] = "Accept-Encoding"
    return answer


def _eyes(at: Desk, visitor: Visitor) -> Eyes:
    return at.rights.readable(visitor), visitor.login is not None, at.rights.may_operate(visitor)
