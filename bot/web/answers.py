"""What goes back: JSON, or a problem that says in plain words what happened and what to do (RFC 9457)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from flask import Response, send_file
from pydantic import BaseModel, ConfigDict

from bot.core import api_text as text
from bot.core import cleaning
from bot.core.errors import Refused, Unavailable
from bot.web.requests import WrongFields

PROBLEM: Final = "application/problem+json"
#: Seconds that a caller is asked to wait when nothing better is known.
RETRY_SECS: Final = 5


class Shown(BaseModel):
    """A JSON answer. Times are RFC 3339 in UTC, null = never."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Problem(Shown):
    """What went wrong."""

    type: str
    """``/problems/`` and the ``kind``."""
    kind: str
    """Stable name of the kind of problem."""
    title: str
    status: int
    detail: str
    """What happened and why."""
    error: str
    """The same sentence as ``detail``, under the name that earlier agents know."""
    fix: str | None = None
    """What to do now."""
    errors: list[dict[str, str]] | None = None
    """With 422: ``field`` and ``message`` of each field that is wrong."""


@dataclass(frozen=True)
class Answer:
    """``body`` is a model, plain text, a file (``media`` its type) or nothing."""

    body: BaseModel | str | Path | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = ""


def respond(answer: Answer) -> Response:
    """``answer`` as bytes."""
    body = answer.body
    if isinstance(body, Path):
        response = send_file(body.resolve(), mimetype=answer.media, etag=False, max_age=0)
    elif isinstance(body, BaseModel):
        response = Response(body.model_dump_json(by_alias=True), mimetype=answer.media or "application/json")
    else:
        response = Response(body or b"", content_type=answer.media or "text/plain; charset=utf-8")
    response.status_code = answer.status
    if body is None:
        response.headers.pop("Content-Type", None)
    response.headers.update(answer.headers)
    return response


def refusal(problem: Refused) -> Response:
    """A Refused as its status; what the store or forge refuses with a status of their own is a conflict."""
    status = problem.status if 400 <= problem.status <= 599 else 409
    more: dict[str, Any] = {}
    if isinstance(problem, WrongFields):
        more["errors"] = [{"field": name, "message": message} for name, message in problem.errors]
    response = _problem(status, problem.kind, problem.reason, problem.fix, more)
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_SECS)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="agent-fleet"'
    return response


def unavailable(problem: Unavailable) -> Response:
    """503, and when to try again."""
    secs = max(1, round(problem.retry_after or RETRY_SECS))
    response = _problem(503, "unavailable", problem.what, text.again_in(secs), {})
    response.headers["Retry-After"] = str(secs)
    return response


def failure(reference: str) -> Response:
    """500: a bug of ours; the log has it under ``reference``."""
    return _problem(500, "bug", text.our_mistake(reference), text.quote_reference(), {})


def moment(at: float) -> str | None:
    """RFC 3339 in UTC to the millisecond; None for 0 = never."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def _problem(status: int, kind: str, detail: str, fix: str, more: Mapping[str, Any]) -> Response:
    said = cleaning.plain(detail, 4000)
    body = {
        "type": f"/problems/{kind}",
        "kind": kind,
        "title": _title(status),
        "status": status,
        "detail": said,
        "error": said,
    }
    if fix:
        body["fix"] = cleaning.plain(fix, 4000)
    return Response(json.dumps({**body, **more}), status=status, content_type=PROBLEM)


def _title(status: int) -> str:
    return HTTPStatus(status).phrase if status in {s.value for s in HTTPStatus} else "Error"
