"""Signing in with the forge: its sign-in page, consent, and the authorization-code flow with PKCE, as Forgejo has them.

Read in Forgejo's `routers/web/auth/oauth.go`: codes serve once, every refusal of the token endpoint is a 400 with
``error`` and ``error_description``, an unregistered redirect URI is never followed.
"""

import base64
import hashlib
import hmac
import html
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from werkzeug.wrappers import Request

from bot.standin.answers import Json, Reply
from bot.standin.people import Person

if TYPE_CHECKING:
    from bot.standin.forge import Standin

COOKIE: Final = "i_like_gitea"
_LOGIN, _AUTHORIZE, _GRANT = "/user/login", "/login/oauth/authorize", "/login/oauth/grant"
_TOKEN_SECS: Final = 3600
#: What an OAuth2 token may do on 15.0, whatever scope was asked for: everything its person may.
_SCOPE: Final = "all"
_ASKED: Final = ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge")


@dataclass(eq=False)
class Application:
    """An OAuth2 application; ``grants`` are the people who have allowed it."""

    id: int
    name: str
    redirect_uris: tuple[str, ...]
    client_id: str
    secret: str
    grants: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Code:
    """What was allowed: by whom, to which application, for which address and challenge."""

    person: Person
    application: Application
    redirect_uri: str
    challenge: str
    method: str


@dataclass(eq=False)
class OAuth:
    """Applications, browsers that are signed in, and codes that were not used yet."""

    applications: dict[str, Application] = field(default_factory=dict)
    browsers: dict[str, Person] = field(default_factory=dict)
    codes: dict[str, _Code] = field(default_factory=dict)

    def register(self, number: int, name: str, *redirect_uris: str) -> Application:
        client_id = secrets.token_hex(16)
        made = Application(number, name, redirect_uris, client_id, f"gto_{secrets.token_hex(26)}")
        self.applications[client_id] = made
        return made


def answer(forge: "Standin", request: Request) -> Reply | None:
    """The answer of this part of the forge; None for a path that is not its."""
    found = _PAGES.get((request.method, request.path))
    if found is None:
        return None
    with forge.lock:
        return found(forge, request)


# --- the forge's own sign-in ---------------------------------------------------------------------------------


def _sign_in_page(forge: "Standin", request: Request) -> Reply:
    """Like every stand-in it keeps nobody out: one button per person brings the password along."""
    onward = html.escape(request.args.get("redirect_to", "/"))
    buttons = "".join(
        f'<form method="post" action="{_LOGIN}"><input type="hidden" name="redirect_to" value="{onward}">'
        f'<input type="hidden" name="user_name" value="{html.escape(person.login)}">'
        f'<input type="hidden" name="password" value="{html.escape(person.password)}">'
        f"<p><button>Sign in as {html.escape(person.login)}</button></p></form>"
        for person in sorted(forge.people.values(), key=lambda person: person.id)
    )
    return _page("Sign in to the stand-in forge", buttons)


def _signs_in(forge: "Standin", request: Request) -> Reply:
    person = forge.people.get(request.form.get("user_name", ""))
    if person is None or not hmac.compare_digest(person.password, request.form.get("password", "")):
        return _page("Username or password is incorrect.", "")
    key = secrets.token_hex(16)
    forge.oauth.browsers[key] = person
    wanted = request.form.get("redirect_to", "/")
    onward = wanted if wanted.startswith("/") and not wanted.startswith("//") else "/"
    return _sent_to(onward, {"Set-Cookie": f"{COOKIE}={key}; Path=/; HttpOnly; SameSite=Lax"})


# --- the browser's part --------------------------------------------------------------------------------------


def _authorize(forge: "Standin", request: Request) -> Reply:
    asked = request.args
    person = forge.oauth.browsers.get(request.cookies.get(COOKIE, ""))
    if person is None:
        return _sent_to(f"{_LOGIN}?{urlencode({'redirect_to': request.full_path})}")
    application, wrong = _known(forge, asked)
    if application is None:
        return wrong
    back = asked["redirect_uri"]
    if asked.get("response_type") != "code":
        return _back(back, asked, error="unsupported_response_type")
    if asked.get("code_challenge_method", "") not in ("S256", "plain", ""):
        return _back(back, asked, error="invalid_request", error_description="unsupported code challenge method")
    if person.login in application.grants:
        return _back(back, asked, code=_new_code(forge, person, application, asked))
    fields = (*_ASKED, "code_challenge_method")
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(asked.get(name, ""))}">' for name in fields
    )
    form = (
        f'<form method="post" action="{_GRANT}">{hidden}<button id="authorize-app" name="granted" value="true">'
        'Authorize Application</button> <button name="granted" value="false">Cancel</button></form>'
    )
    return _page(f"Authorize {application.name} to access your account?", form)


def _grant(forge: "Standin", request: Request) -> Reply:
    asked = request.form
    person = forge.oauth.browsers.get(request.cookies.get(COOKIE, ""))
    application, wrong = _known(forge, asked)
    if person is None or application is None:
        return wrong
    back = asked["redirect_uri"]
    if asked.get("granted") != "true":
        return _back(back, asked, error="access_denied", error_description="the request is denied")
    application.grants.add(person.login)
    return _back(back, asked, code=_new_code(forge, person, application, asked))


def _known(forge: "Standin", asked: Mapping[str, str]) -> tuple[Application | None, Reply]:
    """The application that is asked for; None and a page for one that is not registered so."""
    application = forge.oauth.applications.get(asked.get("client_id", ""))
    if application is None:
        return None, _page("Client ID not registered", "", 400)
    if asked.get("redirect_uri", "") not in application.redirect_uris:
        return None, _page("Unregistered Redirect URI", "", 400)
    return application, Reply()


def _new_code(forge: "Standin", person: Person, application: Application, asked: Mapping[str, str]) -> str:
    code = f"gta_{secrets.token_hex(26)}"
    challenge, method = asked.get("code_challenge", ""), asked.get("code_challenge_method", "")
    forge.oauth.codes[code] = _Code(person, application, asked["redirect_uri"], challenge, method)
    return code


def _back(redirect_uri: str, asked: Mapping[str, str], **said: str) -> Reply:
    joint = "&" if "?" in redirect_uri else "?"
    return _sent_to(f"{redirect_uri}{joint}{urlencode({**said, 'state': asked.get('state', '')})}")


# --- the application's part ----------------------------------------------------------------------------------


def _token(forge: "Standin", request: Request) -> Reply:
    said = request.form
    application = forge.oauth.applications.get(said.get("client_id", ""))
    if said.get("grant_type") != "authorization_code":
        why = "Only refresh_token or authorization_code grant type is supported"
        return _refused("unsupported_grant_type", why)
    if application is None:
        return _refused("invalid_client", f"cannot load client with client id: '{said.get('client_id', '')}'")
    if not hmac.compare_digest(application.secret, said.get("client_secret", "")):
        return _refused("unauthorized_client", "invalid client secret")
    if said.get("redirect_uri") and said["redirect_uri"] not in application.redirect_uris:
        return _refused("unauthorized_client", "unexpected redirect URI")
    code = forge.oauth.codes.get(said.get("code", ""))
    if code is None or code.application is not application:
        return _refused("unauthorized_client", "client is not authorized")
    if not _fits(code, said.get("code_verifier", "")):
        return _refused("unauthorized_client", "failed PKCE code challenge")
    del forge.oauth.codes[said["code"]]
    token = code.person.new_token(_SCOPE, name="oauth2")
    body = {
        "access_token": token.secret,
        "token_type": "bearer",
        "expires_in": _TOKEN_SECS,
        "refresh_token": secrets.token_hex(20),
    }
    return Reply(200, body)


def _fits(code: _Code, verifier: str) -> bool:
    if code.method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), code.challenge)
    return code.method == "" or hmac.compare_digest(verifier, code.challenge)


def _refused(error: str, why: str) -> Reply:
    return Reply(400, {"error": error, "error_description": why})


def _userinfo(forge: "Standin", request: Request) -> Reply:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    found = forge.holder_of(secret) if kind.lower() == "bearer" else None
    if found is None:
        return Reply(401, raw=b"no valid authorization", headers={"Content-Type": "text/plain;charset=utf-8"})
    person, _ = found
    info: dict[str, Json] = {
        "sub": str(person.id),
        "name": person.login,
        "preferred_username": person.login,
        "email": person.email,
        "picture": "",
        "groups": [],
    }
    return Reply(200, info)


def _sent_to(location: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(303, empty=True, headers={"Location": location, **(headers or {})})


def _page(title: str, rest: str, status: int = 200) -> Reply:
    icon = '<link rel="icon" href="data:,">'  # else browsers ask for one, and complain that there is none
    text = f"<!doctype html><title>{html.escape(title)}</title>{icon}<h1>{html.escape(title)}</h1>{rest}"
    return Reply(status, raw=text.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


_PAGES: Final[Mapping[tuple[str, str], Callable[["Standin", Request], Reply]]] = {
    ("GET", _LOGIN): _sign_in_page,
    ("POST", _LOGIN): _signs_in,
    ("GET", _AUTHORIZE): _authorize,
    ("POST", _GRANT): _grant,
    ("POST", "/login/oauth/access_token"): _token,
    ("GET", "/login/oauth/userinfo"): _userinfo,
}
