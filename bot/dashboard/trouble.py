"""What goes wrong on a page is said on a page: first what happened, then what to do."""

from flask import Blueprint, Response, make_response, render_template
from werkzeug.exceptions import HTTPException

from bot.core import api_text, cleaning
from bot.core.errors import Refused, Unavailable

_RETRY_SECS = 5


def as_pages(blueprint: Blueprint) -> None:
    """Refusals of this blueprint's views become pages; bugs go on to the application's own handler."""
    blueprint.register_error_handler(Refused, _refused)
    blueprint.register_error_handler(Unavailable, _unavailable)
    blueprint.register_error_handler(HTTPException, _http)


def _refused(problem: Refused) -> Response:
    status = problem.status if 400 <= problem.status <= 599 else 409
    return _page(status, problem.reason, problem.fix)


def _unavailable(problem: Unavailable) -> Response:
    secs = max(1, round(problem.retry_after or _RETRY_SECS))
    page = _page(503, problem.what, api_text.again_in(secs))
    page.headers["Retry-After"] = str(secs)
    return page


def _http(problem: HTTPException) -> Response:
    status = problem.code or 400
    said = {404: api_text.no_such_path(), 405: api_text.wrong_method(), 413: api_text.too_large(0)}.get(status)
    return _page(status, said or api_text.bad_request(), "")


def _page(status: int, reason: str, fix: str) -> Response:
    said = [cleaning.plain(part, 4000) for part in (reason, fix)]
    return make_response(render_template("trouble.html", status=status, reason=said[0], fix=said[1]), status)
