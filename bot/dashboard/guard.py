"""The door of every page: who may come in, and that a form came from a page of ours. What says nothing is shut."""

import hmac
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, current_app, redirect, request

from bot.core import signin_text as text
from bot.core.errors import Refused
from bot.dashboard.desk import current_visitor, desk
from bot.store.forge_facts import KnownRepository

View = TypeVar("View", bound=Callable[..., Any])

_MARK: Final = "dashboard_access"
#: The name of the field that every form sends along.
CSRF_FIELD: Final = "csrf"
#: The same for scripts.
CSRF_HEADER: Final = "X-CSRF-Token"
#: 20 000 characters that somebody says, each of up to twelve bytes on its way.
_LARGEST_FORM: Final = 256 * 1024
_READS: Final = ("GET", "HEAD", "OPTIONS")


class Access(StrEnum):
    """Who may come in at all; what a repository demands is asked on top by the page itself."""

    ANYONE = "anyone"
    VISITOR = "visitor"
    """Signed in; where the configuration allows it, anybody."""
    PERSON = "person"
    """Signed in, whatever the configuration says."""
    OPERATOR = "operator"


def open_to(access: Access) -> Callable[[View], View]:
    """Says of a view who may come in; one that says nothing is for operators."""

    def marked(view: View) -> View:
        setattr(view, _MARK, access)
        return view

    return marked


def access_of(view: Callable[..., Any]) -> Access:
    found: Access = getattr(view, _MARK, Access.OPERATOR)
    return found


def guard(blueprint: Blueprint) -> None:
    """Puts the door before every view of ``blueprint``."""
    blueprint.before_request(_at_the_door)


def not_here() -> Refused:
    """The same word for what is not there and for what somebody may not see: nobody learns which."""
    return Refused(text.not_here(), "", 404, "not_here")


def must_read(repo: KnownRepository) -> None:
    """Raises ``not_here`` (404)."""
    if not desk().rights.may_read(current_visitor(), repo):
        raise not_here()


def must_write(repo: KnownRepository) -> None:
    """Raises Refused (404, or 403 for those who may only look)."""
    must_read(repo)
    if not desk().rights.may_write(current_visitor(), repo):
        raise Refused(text.writers_only(repo.full_name), text.ask_its_owner(), 403, "writers_only")


def _at_the_door() -> Response | None:
    request.max_content_length = _LARGEST_FORM
    view = current_app.view_functions[request.endpoint or ""]
    visitor, wanted = current_visitor(), access_of(view)
    if wanted is Access.OPERATOR and visitor.login is not None and not desk().rights.may_operate(visitor):
        raise Refused(text.operators_only(), text.ask_an_operator(), 403, "operators_only")
    anonymous = wanted is Access.VISITOR and desk().fleet.settings.dashboard.anonymous
    if wanted is not Access.ANYONE and visitor.login is None and not anonymous:
        return _to_the_sign_in()
    if request.method not in _READS:
        _came_from_here(visitor.csrf)
    return None


def _to_the_sign_in() -> Response:
    """People are led there; programs, and whoever pressed a button, are told."""
    wants_page = "text/html" in request.headers.get("Accept", "") or "*/*" in request.headers.get("Accept", "*/*")
    if request.method not in ("GET", "HEAD") or not wants_page:
        raise Refused(text.sign_in_first(), text.where_to_sign_in(), 401, "sign_in")
    where = request.full_path.rstrip("?")
    return redirect(f"/login?next={quote(where, safe='')}", 303)  # type: ignore[return-value]


def _came_from_here(csrf: str) -> None:
    """Two checks, each enough by itself: browsers say where a form came from, and only our pages know the word."""
    said = request.form.get(CSRF_FIELD) or request.headers.get(CSRF_HEADER, "")
    right = bool(csrf) and hmac.compare_digest(said.encode("utf-8", "replace"), csrf.encode())
    if not (right and _same_origin()):
        raise Refused(text.from_elsewhere(), text.reload_page(), 403, "csrf")


def _same_origin() -> bool:
    origin, site = request.headers.get("Origin", ""), request.headers.get("Sec-Fetch-Site", "")
    if site and site != "same-origin":
        return False
    if origin and origin != "null":
        ours = {request.host.lower(), urlsplit(desk().sessions.url).netloc.lower()}
        return origin.partition("://")[2].lower() in ours
    return bool(site)  # "null" with same-origin: a page that sends no referrer


def safe_next(wanted: str) -> str:
    """A path of our own to go on to, "/" for anything else."""
    plain = all(" " < letter != "\x7f" for letter in wanted) and "\\" not in wanted and len(wanted) <= 2000
    inside = wanted.startswith("/") and not wanted.startswith("//")
    return wanted if plain and inside and wanted.partition("?")[0] not in ("/login", "/logout") else "/"
