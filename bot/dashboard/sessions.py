"""Sessions: a cookie with 256 random bits, and a row that knows its digest."""

import hashlib
import hmac
import threading
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from flask import Response, request

from bot.dashboard.visitor import Visitor
from bot.service.fleet import Fleet
from bot.store import Sql, tokens, web_sessions
from bot.store.web_sessions import WebSession

#: That a session is in use is written at most this often.
_SEEN_EVERY_SECS: Final = 60.0
_LONGEST: Final = 128
_STREAM: Final = "text/event-stream"
#: So many wrong tokens from one address within so long; a token has 256 bits, so this is about load, not about luck.
_MOST_WRONG: Final = 10
_WRONG_SECS: Final = 60.0
_MOST_ADDRESSES: Final = 10_000


class Sessions:
    """One per process. The cookies' names and flags follow from where the server is reached."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.url = fleet.settings.server.url
        parts = urlsplit(self.url)
        self._secure = parts.scheme == "https"
        # browsers share cookies between the ports of a host; a forge may live on the next one
        stem = "__Host-agent-fleet" if self._secure else f"agent-fleet-{parts.port or 80}"
        self._name, self._step_name = stem, f"{stem}-sign-in"
        self._wrong: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    # --- who it is ----------------------------------------------------------------------------------------

    def visitor(self) -> Visitor:
        """Of the present request. A session that is over, or whose token was revoked, is nobody's."""
        secret = self._secret
        session = self._alive(secret)
        if session is None:
            return Visitor(None, False, None, self.csrf_of(request.cookies.get(self._step_name, "")))
        operates = session.kind == web_sessions.TOKEN or self.operates(session.login)
        name = session.login if session.kind == web_sessions.FORGE else f"token:{session.login}"
        named = hashlib.sha256(secret.encode()).hexdigest()[:12]
        return Visitor(name, operates, named, self.csrf_of(secret), session.account_id)

    def still_open(self) -> Callable[[], bool]:
        """Tells, also when the request is long gone, whether whoever makes the present one is still signed in."""
        secret = self._secret
        return lambda: not secret or self._good(secret) is not None

    @property
    def _secret(self) -> str:
        secret = request.cookies.get(self._name, "")
        return secret if len(secret) <= _LONGEST else ""

    def _alive(self, secret: str) -> WebSession | None:
        session = self._good(secret) if secret else None
        now = self._fleet.clock()
        # a page that stays open asks for news by itself: no sign of its person
        is_sign = _STREAM not in request.headers.get("Accept", "")
        if session and is_sign and now - session.seen_at >= _SEEN_EVERY_SECS:
            self._fleet.store.write(lambda sql: web_sessions.seen(sql, secret, now))
        return session

    def _good(self, secret: str) -> WebSession | None:
        now, limits = self._fleet.clock(), self._fleet.settings.dashboard
        session = self._fleet.read(lambda sql: self._usable(sql, secret, now))
        if session is None:
            return None
        if not 0 <= now - session.begun_at < limits.session_secs or now - session.seen_at >= limits.idle_secs:
            self._fleet.store.write(lambda sql: web_sessions.end(sql, secret))
            return None
        return session

    def _usable(self, sql: Sql, secret: str, now: float) -> WebSession | None:
        session = web_sessions.find(sql, secret)
        if session is None or session.kind != web_sessions.TOKEN:
            return session
        token = tokens.get(sql, session.token)
        return session if token and token.role == "admin" and token.usable(now) else None

    def operates(self, login: str) -> bool:
        """Whether the configuration lets this account of the forge run the fleet."""
        settings = self._fleet.settings
        never = {settings.forgejo.bot_login.lower(), *(x.lower() for x in settings.forgejo.agent_accounts)}
        return login.lower() in {x.lower() for x in settings.dashboard.admins} - never

    # --- beginning and ending -----------------------------------------------------------------------------

    def begin(self, response: Response, session: WebSession) -> None:
        """A new session with a new cookie, whatever the browser brought; the one before ends."""
        before = request.cookies.get(self._name, "")

        def command(sql: Sql) -> str:
            if before:
                web_sessions.end(sql, before)
            return web_sessions.open_one(sql, session)

        secret = self._fleet.store.write(command)
        self._set(response, self._name, secret, self._fleet.settings.dashboard.session_secs)
        self.step_over(response)

    def end(self, response: Response, *, everywhere: bool) -> None:
        """Signs out this browser, or every one of the same person."""
        secret = request.cookies.get(self._name, "")

        def command(sql: Sql) -> None:
            session = web_sessions.find(sql, secret)
            if session and everywhere:
                web_sessions.end_all(sql, session)
            web_sessions.end(sql, secret)

        self._fleet.store.write(command)
        self._drop(response, self._name)

    # --- the step before ----------------------------------------------------------------------------------

    @property
    def step(self) -> str:
        """What this browser was told when it began to sign in, "" = nothing."""
        return request.cookies.get(self._step_name, "")

    def step_begun(self, response: Response, value: str, secs: int) -> None:
        self._set(response, self._step_name, value, secs)

    def step_over(self, response: Response) -> None:
        self._drop(response, self._step_name)

    @staticmethod
    def csrf_of(secret: str) -> str:
        """What forms send along: follows from the cookie, which no other site can read."""
        return hmac.new(secret.encode(), b"form of the dashboard", hashlib.sha256).hexdigest() if secret else ""

    # --- wrong tokens -------------------------------------------------------------------------------------

    def wait_secs(self, address: str) -> int:
        """How long this address has to wait after too many wrong tokens, 0 = not at all."""
        now = self._fleet.clock()
        with self._lock:
            recent = [at for at in self._wrong.get(address, []) if 0 <= now - at < _WRONG_SECS]
            return max(1, round(_WRONG_SECS - (now - recent[0]))) if len(recent) >= _MOST_WRONG else 0

    def wrong_token(self, address: str) -> None:
        now = self._fleet.clock()
        with self._lock:
            if len(self._wrong) >= _MOST_ADDRESSES:
                self._wrong.clear()
            recent = [at for at in self._wrong.get(address, []) if 0 <= now - at < _WRONG_SECS]
            self._wrong[address] = [*recent, now][-_MOST_WRONG:]

    # --- cookies ------------------------------------------------------------------------------------------

    def _set(self, response: Response, name: str, value: str, secs: int) -> None:
        response.set_cookie(
            name, value, max_age=secs, path="/", secure=self._secure, httponly=True, samesite="Lax"
        )  # Lax: the way back from the forge is a link from another site

    def _drop(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self._secure, httponly=True, samesite="Lax")
