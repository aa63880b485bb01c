"""The forge as a WSGI application: faults first, then git, then the API."""

import base64
import binascii
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from bot.standin import git_http, oauth, workflows
from bot.standin.answers import Refusal, Reply, go_json, not_found
from bot.standin.api import ROUTES
from bot.standin.api.calls import Call, Route
from bot.standin.people import Person, Right, Token
from bot.standin.record import Record

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from bot.standin.forge import Standin
    from bot.standin.repositories import Repository

PREFIX = "/api/v1"
_JSON = "application/json;charset=utf-8"


def application(forge: "Standin") -> "WSGIApplication":
    """The WSGI application of one forge."""
    rules = [Rule(PREFIX + route.path, methods=[route.method], endpoint=route) for route in ROUTES]
    routes = Map(rules, strict_slashes=False, merge_slashes=False)

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        with Request(environ) as request:
            response = _with_faults(forge, routes, request)
            return response(environ, start_response)

    return app


def _with_faults(forge: "Standin", routes: Map, request: Request) -> Response:
    """Answer, unless something is made to go wrong."""
    faults = forge.faults
    if faults.down == "closing":
        _hang_up(request)
    if faults.down:
        return Response("Service Unavailable\n", 503)
    faults.wait(request.path)
    failure = faults.take_failure(request.method, request.path)
    if failure is not None and not failure.applied:
        return Response("", failure.status)
    response = _answer(forge, routes, request)
    return Response("", failure.status) if failure is not None else response


def _hang_up(request: Request) -> None:
    """Close the connection without an answer."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("the forge is down")


def _answer(forge: "Standin", routes: Map, request: Request) -> Response:
    """Git or API, and a line in the forge's record of requests."""
    who, wrong, by_password = _who(forge, request)
    at = forge.clock()
    response = git_http.answer(forge, request, who, wrong)
    known = workflows.answer(forge, request.path, request.authorization, request.args) if response is None else None
    known = oauth.answer(forge, request) if response is None and known is None else known
    if known is not None:
        response = _response(known)
    if response is None:
        reply = _api(forge, routes, request, who, wrong=wrong, by_password=by_password)
        response = _response(reply)
    forge.requests.append(
        Record(
            request.method,
            _raw_path(request),
            request.query_string.decode(),
            who[0].login if who else "",
            response.status_code,
            request.get_data() if request.path.startswith(PREFIX) else b"",
            at,
        )
    )
    return response


def _who(forge: "Standin", request: Request) -> tuple[tuple[Person, Token] | None, bool, bool]:
    """Who signs the request, whether a wrong token came, and whether it was a password."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() in ("token", "bearer"):
        found = forge.holder_of(value)
        return found, found is None, False
    if kind.lower() != "basic":
        return None, False, False
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, True, False
    person = forge.people.get(name)
    if person is not None and person.password == secret:
        return (person, Token(0, "password", secret)), False, True
    found = forge.holder_of(secret) or forge.holder_of(name)
    return found, found is None, False


def _raw_path(request: Request) -> str:
    """The path as it came, so that `%2F` in a name is no slash (decoded where the server drops it)."""
    raw = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or quote(request.path, safe="/:@"))
    return raw.partition("?")[0]


def _api(
    forge: "Standin",
    routes: Map,
    request: Request,
    who: tuple[Person, Token] | None,
    *,
    wrong: bool,
    by_password: bool,
) -> Reply:
    with forge.lock:
        try:
            if wrong:
                value = request.headers.get("Authorization", "").partition(" ")[2]
                raise Refusal(401, f"access token does not exist [sha: {value}]")
            route, args = _match(routes, request)
            person, token = who or (None, None)
            call = Call(forge, request, args, person, token, by_password=by_password)
            moved = _check(call, route)
            return moved or route.handler(call)
        except Refusal as refusal:
            return refusal.reply(forge.url)


def _match(routes: Map, request: Request) -> tuple[Route, dict[str, str]]:
    """The route and its arguments, decoded after splitting at slashes."""
    adapter = routes.bind("forge", url_scheme="http")
    try:
        endpoint, args = adapter.match(_raw_path(request), request.method)
    except MethodNotAllowed as error:
        raise Refusal(405, None) from error
    except HTTPException as error:
        raise not_found() from error
    route: Route = endpoint
    return route, {name: unquote(str(value)) for name, value in args.items()}


def _check(call: Call, route: Route) -> Reply | None:
    """Signed in, in scope, the repository there and writable: in Forgejo's order. A renamed one redirects."""
    if route.signed_in and call.person is None:
        raise Refusal(401, "token is required")
    access = "read" if route.method == "GET" else "write"
    if route.scope and call.token is not None and not call.token.allows(route.scope, access):
        text = f"token does not have at least one of required scope(s): [{access}:{route.scope}]"
        raise Refusal(403, text)
    if "owner" not in call.args:
        return None
    full_name = f"{call.args['owner']}/{call.args['repo']}"
    call.found_repo = call.forge.find(full_name)
    moved_to = call.forge.moved.get(full_name.lower())
    if call.found_repo is None and moved_to is not None:
        return _moved(call, call.forge.repositories[moved_to])
    if call.found_repo is None or call.right < Right.READ:
        raise not_found()
    if call.repo.archived and access == "write" and route.path != "/repos/<owner>/<repo>":
        raise Refusal(423, f"<Repository {call.repo.id}:{call.repo.full_name}> is archived")
    return None


def _moved(call: Call, repo: "Repository") -> Reply:
    """301 to a path without host; only a GET gets a body (15.0, seen)."""
    rest = _raw_path(call.request).split("/", 6)[6:]
    location = "/".join([f"{PREFIX}/repos/{repo.full_name}", *rest])
    if call.request.method != "GET":
        return Reply(301, empty=True, headers={"Location": location})
    page = f'<a href="{location}">Moved Permanently</a>.\n\n'.encode()
    return Reply(301, raw=page, headers={"Location": location, "Content-Type": "text/html; charset=utf-8"})


def _response(reply: Reply) -> Response:
    """Go's JSON with a newline at the end, raw bytes, or nothing without a content type."""
    if reply.raw is not None:
        response = Response(reply.raw, reply.status, dict(reply.headers))
    elif reply.empty:
        response = Response(b"", reply.status, dict(reply.headers))
        response.headers.pop("Content-Type", None)
    else:
        response = Response(go_json(reply.body) + b"\n", reply.status, {"Content-Type": _JSON, **reply.headers})
    response.headers["Cache-Control"] = "max-age=0, private, must-revalidate, no-transform"
    response.autocorrect_location_header = False
    return response
