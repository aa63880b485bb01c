"""Declaring a call once: its path, who may make it, what it takes and gives. Serving and documenting follow."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_type_hints

from flask import Blueprint, Request, Response
from flask import request as current
from pydantic import BaseModel

from bot.service.fleet import Fleet
from bot.service.id_tokens import KeyRing
from bot.web import requests
from bot.web.answers import Answer, respond
from bot.web.callers import Caller, Doorkeeper, May, bearer, within_its_repository
from bot.web.waiting import WaitingRoom

IGNORED_HEADER: Final = "Agent-Fleet-Ignored"

Handler = Callable[..., Answer]


@dataclass(frozen=True)
class House:
    """What every call of one process shares; ``document`` is the OpenAPI document as JSON."""

    fleet: Fleet
    doorkeeper: Doorkeeper
    waiting_room: WaitingRoom
    document: str
    keys: KeyRing


@dataclass(frozen=True)
class Call:
    """One request whose caller may make it."""

    house: House
    caller: Caller
    request: Request

    @property
    def fleet(self) -> Fleet:
        return self.house.fleet

    @property
    def secret(self) -> str:
        """The token that came with it."""
        return bearer(self.request)


@dataclass(frozen=True)
class Endpoint:
    """A call. ``said`` is its JSON body, ``asked`` its query, ``answers`` a model or media type per status.

    ``takes`` is the media type of a body that is not JSON, which the handler reads itself.
    """

    method: str
    path: str
    may: May
    handler: Handler
    answers: Mapping[int, type[BaseModel] | str | None]
    said: type[BaseModel] | None
    asked: type[BaseModel] | None
    takes: str
    headers: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.handler.__name__

    @property
    def about(self) -> str:
        """The handler's docstring as Markdown."""
        return inspect.cleandoc(self.handler.__doc__ or "").replace("``", "`")

    @property
    def places(self) -> list[str]:
        """Names of the parts of the path that vary."""
        return re.findall(r"<(?:\w+:)?(\w+)>", self.path)

    @property
    def shown_path(self) -> str:
        return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", self.path)

    def serve(self, house: House, places: Mapping[str, str]) -> Response:
        """Who calls, then what is said, then the handler; each may refuse."""
        requests.refuse_chunked(current)
        call = Call(house, house.doorkeeper.caller(current, self.may), current)
        ignored: list[str] = []
        given: dict[str, Any] = dict(places)
        if self.asked is not None:
            given["asked"], ignored = requests.read_query(current, self.asked)
        if self.said is not None:
            limit = house.fleet.settings.server.max_body_bytes
            given["said"], unknown = requests.read_body(current, self.said, limit)
            ignored += unknown
        self._keep_within(call, given)
        response = respond(self.handler(call, **given))
        if ignored:
            response.headers[IGNORED_HEADER] = ", ".join(re.sub(r"[^!-+\--~]", "?", x[:60]) for x in ignored[:20])
        return response

    def _keep_within(self, call: Call, given: Mapping[str, Any]) -> None:
        """What a job of Actions may not even ask about is refused before the handler runs."""
        if call.caller.job is None or self.may is May.ANY_TOKEN:
            return
        said = given.get("said") or given.get("asked")
        task_id = str(given.get("task_id") or getattr(said, "task_id", "") or "")
        if task_id:
            call.caller.only_about(task_id, getattr(said, "fence", None))
        repo = getattr(said, "repo", None)
        call.fleet.read(lambda sql: within_its_repository(sql, call.caller, task_id, repo))


class Endpoints:
    """The calls of one file; becomes a blueprint. A handler's parameters named ``said`` and ``asked`` are models."""

    def __init__(self, name: str, about: str) -> None:
        self.name = name
        self.about = about
        self.all: list[Endpoint] = []

    def get(self, path: str, may: May, answers: Mapping[int, Any], **more: Any) -> Callable[[Handler], Handler]:
        return self._declare("GET", path, may, answers, **more)

    def post(self, path: str, may: May, answers: Mapping[int, Any], **more: Any) -> Callable[[Handler], Handler]:
        return self._declare("POST", path, may, answers, **more)

    def put(self, path: str, may: May, answers: Mapping[int, Any], **more: Any) -> Callable[[Handler], Handler]:
        return self._declare("PUT", path, may, answers, **more)

    def _declare(
        self,
        method: str,
        path: str,
        may: May,
        answers: Mapping[int, Any],
        *,
        takes: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Callable[[Handler], Handler]:
        def declared(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            said, asked = hints.get("said"), hints.get("asked")
            self.all.append(Endpoint(method, path, may, handler, answers, said, asked, takes, headers or {}))
            return handler

        return declared

    def blueprint(self, house: House) -> Blueprint:
        made = Blueprint(self.name, __name__)
        for endpoint in self.all:

            def view(endpoint: Endpoint = endpoint, **places: str) -> Response:
                return endpoint.serve(house, places)

            made.add_url_rule(
                endpoint.path,
                endpoint.name,
                view,
                methods=[endpoint.method],
                provide_automatic_options=False,
            )
        return made
