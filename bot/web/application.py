"""The Flask application: every file of endpoints, the way errors leave, and the headers that all answers carry."""

import json
import secrets
import threading
from dataclasses import dataclass, field
from typing import Final

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

import bot
from bot.core import api_text as text
from bot.core.errors import Damaged, Refused, Unavailable
from bot.dashboard.register import register
from bot.service.fleet import Fleet
from bot.service.id_tokens import KeyRing
from bot.service.opening import close_fleet
from bot.store.wakeups import CHANGED, WORK
from bot.web import (
    actions,
    agents,
    answers,
    artifacts,
    documents,
    fleet,
    follow_ups,
    health,
    metrics,
    receipts,
    tasks,
    webhooks,
    work,
)
from bot.web.callers import Doorkeeper
from bot.web.endpoint import Endpoints, House
from bot.web.openapi import document
from bot.web.waiting import WaitingRoom

log = structlog.get_logger(__name__)

VERSION_HEADER: Final = "Agent-Fleet-Version"
#: What web processes wait for: agents for work, open pages for anything that is shown.
HEARD: Final = (WORK, CHANGED)
#: The name under which ``app.extensions`` holds the ``Opened`` of an application.
EXTENSION: Final = "agent_fleet"

#: Every call there is, in the order of the reference.
ROOMS: Final[tuple[Endpoints, ...]] = (
    webhooks.ENDPOINTS,
    agents.ENDPOINTS,
    work.ENDPOINTS,
    tasks.ENDPOINTS,
    receipts.ENDPOINTS,
    actions.ENDPOINTS,
    artifacts.ENDPOINTS,
    follow_ups.ENDPOINTS,
    fleet.ENDPOINTS,
    documents.ENDPOINTS,
    health.ENDPOINTS,
    metrics.ENDPOINTS,
)


@dataclass
class Opened:
    """What is behind an application, for whoever must let go of it."""

    fleet: Fleet
    waiting_room: WaitingRoom
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """Ends waiting calls and closes the store; the second time nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                close_fleet(self.fleet)


def make_app(of: Fleet) -> Flask:
    """The application of one fleet; whoever made the fleet closes it."""
    app = Flask("agent_fleet", static_folder=None)
    app.url_map.strict_slashes = False  # `/tasks/` is `/tasks`: a redirect would lose the body of a POST
    app.url_map.merge_slashes = False
    room = WaitingRoom(of, of.settings.waiting_agents)
    app.extensions[EXTENSION] = Opened(of, room)
    keys = KeyRing(of.forge.actions.signing_keys, of.clock)
    house = House(of, Doorkeeper(of), room, json.dumps(document(ROOMS), ensure_ascii=False), keys)
    for endpoints in ROOMS:
        app.register_blueprint(endpoints.blueprint(house))
    register(app, of)
    app.before_request(_named)
    app.register_error_handler(Exception, _failed)
    app.after_request(_with_headers)
    return app


def _named() -> None:
    """Every line that is logged meanwhile names this request, and the task that it is about."""
    structlog.contextvars.clear_contextvars()  # threads serve one request after another
    structlog.contextvars.bind_contextvars(request=secrets.token_hex(6))
    task_id = (request.view_args or {}).get("task_id")
    if task_id:
        structlog.contextvars.bind_contextvars(task=task_id)


def _with_headers(response: Response) -> Response:
    response.headers[VERSION_HEADER] = bot.__version__
    response.headers["X-Request-Id"] = structlog.contextvars.get_contextvars().get("request", "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _failed(problem: Exception) -> Response:
    """Refused and Unavailable as they are; what the HTTP layer refuses in our form; anything else is a bug."""
    match problem:
        case Damaged():
            log.error("what is asked for cannot be read", reason=str(problem))
            return answers.refusal(problem)
        case Refused():
            return answers.refusal(problem)
        case Unavailable():
            return answers.unavailable(problem)
        case HTTPException() if (problem.code or 500) < 500:
            return _http(problem)
    reference = secrets.token_hex(6)
    log.error("a request failed", reference=reference, exc_info=problem)
    return answers.failure(reference)


def _http(problem: HTTPException) -> Response:
    status = problem.code or 400
    said = {404: text.no_such_path(), 405: text.wrong_method(), 413: text.too_large(0)}.get(status)
    response = answers.refusal(Refused(said or text.bad_request(), text.see_the_reference(), status, f"http_{status}"))
    allowed = dict(problem.get_headers()).get("Allow")
    if allowed:
        response.headers["Allow"] = allowed
    return response
