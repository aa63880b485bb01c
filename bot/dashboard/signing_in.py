"""Signing in with the forge or with an admin token, and signing out."""

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import structlog
from flask import Blueprint, Response, make_response, redirect, render_template, request

from bot.core import cleaning
from bot.core import signin_text as text
from bot.core.errors import Refused
from bot.core.facts import Account
from bot.dashboard.desk import current_visitor, desk
from bot.dashboard.guard import Access, guard, open_to, safe_next
from bot.dashboard.trouble import as_pages
from bot.forge.sign_in import SignIn
from bot.service import rights
from bot.service.fleet import Fleet
from bot.store import Sql, audit, tokens, web_sessions
from bot.store.tokens import Token
from bot.store.web_sessions import WebSession

log = structlog.get_logger(__name__)

BLUEPRINT: Final = Blueprint("signing_in", __name__, template_folder="templates")
guard(BLUEPRINT)
as_pages(BLUEPRINT)

#: How long somebody may take at the forge's sign-in page.
_STEP_SECS: Final = 600
_LONGEST_TOKEN: Final = 512
_LONGEST_CODE: Final = 2000


@dataclass(frozen=True)
class _Step:
    """What a browser was told when it was sent to the forge; ``at`` is epoch seconds."""

    state: str
    verifier: str
    at: int
    goes_to: str

    def packed(self) -> str:
        goes_to = base64.urlsafe_b64encode(self.goes_to.encode()).decode().rstrip("=")
        return f"{self.state}.{self.verifier}.{self.at}.{goes_to}"


def _unpacked(packed: str) -> _Step | None:
    try:
        state, verifier, at, goes_to = packed.split(".")
        where = base64.urlsafe_b64decode(goes_to + "=" * (-len(goes_to) % 4)).decode()
        return _Step(state, verifier, int(at), where)
    except (ValueError, binascii.Error):
        return None


def the_forge(fleet: Fleet) -> SignIn:
    """The application at the forge. Raises Refused (404) while none is configured."""
    d = fleet.settings.dashboard
    if not d.client_id:
        raise Refused(text.no_forge_sign_in(), text.configure_application(), 404, "no_application")
    redirect_uri = f"{fleet.settings.server.url}/login/callback"
    forge_url = d.forge_url or fleet.settings.forgejo.url
    return SignIn(fleet.forge.api, d.client_id, d.client_secret.get_secret_value(), forge_url, redirect_uri)


@BLUEPRINT.get("/login")
@open_to(Access.ANYONE)
def login() -> Response:
    """The choice: the forge, or a token."""
    sessions, dashboard = desk().sessions, desk().fleet.settings.dashboard
    visitor, step = current_visitor(), sessions.step
    goes_to = safe_next(request.args.get("next", "/"))
    fresh = "" if step or visitor.login else secrets.token_urlsafe(32)
    page = make_response(
        render_template(
            "login.html",
            visitor=visitor,
            csrf=sessions.csrf_of(fresh) if fresh else visitor.csrf,
            goes_to=goes_to,
            forge=bool(dashboard.client_id),
            forge_link=f"/login/forge?next={quote(goes_to, safe='')}",
        )
    )
    if fresh:
        sessions.step_begun(page, fresh, _STEP_SECS)
    return page


@BLUEPRINT.get("/login/forge")
@open_to(Access.ANYONE)
def login_with_forge() -> Response:
    """To the forge's own sign-in page; this browser alone can finish what begins here."""
    forge, now = the_forge(desk().fleet), int(desk().fleet.clock())
    step = _Step(secrets.token_urlsafe(32), secrets.token_urlsafe(48), now, safe_next(request.args.get("next", "/")))
    away = make_response(redirect(forge.page(step.state, step.verifier), 303))
    desk().sessions.step_begun(away, step.packed(), _STEP_SECS)
    return away


@BLUEPRINT.get("/login/callback")
@open_to(Access.ANYONE)
def login_callback() -> Response:
    """Back from the forge."""
    fleet, sessions = desk().fleet, desk().sessions
    forge, step = the_forge(fleet), _unpacked(sessions.step)
    state, code = request.args.get("state", ""), request.args.get("code", "")
    ours = step is not None and hmac.compare_digest(step.state.encode(), state.encode("utf-8", "replace"))
    if step is None or not ours or not 0 <= fleet.clock() - step.at < _STEP_SECS:
        fix = f"{text.start_again()} {text.open_it_under(sessions.url)}"
        raise Refused(text.sign_in_expired(), fix, 403, "sign_in_expired")
    if "error" in request.args or not 0 < len(code) <= _LONGEST_CODE:
        raise Refused(text.forge_said_no(_why()), text.start_again(), 403, "sign_in_refused")
    person = forge.who(code, step.verifier)
    if rights.is_program(fleet, person):
        raise Refused(text.not_a_person(), text.use_own_account(), 403, "not_a_person")
    onward = make_response(redirect(safe_next(step.goes_to), 303))
    now = fleet.clock()
    if sessions.operates(person.login):
        fleet.store.write(lambda sql: audit.note(sql, now, person.login, text.SIGNED_IN, f"account {person.id}"))
    sessions.begin(onward, _session_of(person, now))
    log.info("somebody signed in", login=person.login, account=person.id)
    return onward


def _session_of(person: Account, now: float) -> WebSession:
    return WebSession(web_sessions.FORGE, person.id, person.login, "", now, now)


def _why() -> str:
    """The forge's reason, as it stands in the address: anybody can write one there."""
    said = request.args.get("error", "")
    if said == "access_denied":
        return text.forge_denied()
    return cleaning.code(request.args.get("error_description") or said or "–", 120)


@BLUEPRINT.post("/login/token")
@open_to(Access.ANYONE)
def login_with_token() -> Response:
    """With an operator's admin token of the API."""
    fleet, sessions = desk().fleet, desk().sessions
    address, now = request.remote_addr or "", fleet.clock()
    secret = request.form.get("token", "").strip()
    token = fleet.read(lambda sql: _admin_token(sql, secret, now)) if len(secret) <= _LONGEST_TOKEN else None
    if token is None:
        # a right one is never made to wait: behind a proxy all people have one address, so anybody could lock out all
        if secs := sessions.wait_secs(address):
            raise Refused(text.too_many_tries(secs), "", 429, "too_many_tries")
        sessions.wrong_token(address)
        log.warning("a wrong token at the sign-in page", address=address)
        raise Refused(text.token_not_accepted(), text.make_admin_token(), 403, "token_not_accepted")

    def command(sql: Sql) -> None:
        tokens.used(sql, token.prefix, now)
        audit.note(sql, now, f"token:{token.name}", text.SIGNED_IN, token.prefix)

    fleet.store.write(command)
    onward = make_response(redirect(safe_next(request.form.get("next", "/")), 303))
    log.info("somebody signed in", token=token.prefix)
    sessions.begin(onward, WebSession(web_sessions.TOKEN, 0, token.name, token.prefix, now, now))
    return onward


def _admin_token(sql: Sql, secret: str, now: float) -> Token | None:
    token = tokens.find(sql, secret)
    return token if token and token.role == "admin" and token.usable(now) else None


@BLUEPRINT.post("/logout")
@open_to(Access.PERSON)
def logout() -> Response:
    """Signs out here, or (``everywhere``) on every machine."""
    onward = make_response(redirect("/login", 303))
    desk().sessions.end(onward, everywhere=bool(request.form.get("everywhere")))
    return onward
