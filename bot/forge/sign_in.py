"""Signing people in with the forge: OAuth2 authorization code with PKCE (RFC 6749, 7636). Only who they are is asked.

Forgejo's OAuth2 tokens may do whatever their person may (scopes are not enforced by every version), so the token is
used for one question and then thrown away; what a person may do is asked with the bot's own access.
"""

import base64
import hashlib
from typing import Final
from urllib.parse import urlencode

from bot.core import cleaning
from bot.core import signin_text as text
from bot.core.errors import Refused
from bot.core.facts import Account
from bot.forge import decode
from bot.forge.api import Api

#: The least that lets a token tell whose it is, where scopes count.
SCOPE: Final = "openid profile read:user"


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class SignIn:
    """The application that the forge knows us as."""

    def __init__(self, api: Api, client_id: str, client_secret: str, forge_url: str, redirect_uri: str) -> None:
        """``forge_url`` is the forge as browsers reach it; ``redirect_uri`` exactly as it is registered there."""
        self._api, self._id, self._secret = api, client_id, client_secret
        self._forge_url, self._redirect_uri = forge_url, redirect_uri

    def page(self, state: str, verifier: str) -> str:
        """Where the browser goes to sign in."""
        asked = {
            "client_id": self._id,
            "redirect_uri": self._redirect_uri,
            "response_type": "code",
            "scope": SCOPE,
            "state": state,
            "code_challenge_method": "S256",
            "code_challenge": challenge_of(verifier),
        }
        return f"{self._forge_url}/login/oauth/authorize?{urlencode(asked)}"

    def who(self, code: str, verifier: str) -> Account:
        """Whose ``code`` this is. Raises Refused (403) when the forge does not accept it, Unavailable."""
        said = {
            "grant_type": "authorization_code",
            "client_id": self._id,
            "client_secret": self._secret,
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        status, answer = self._api.page("sign somebody in", "POST", "/login/oauth/access_token", said)
        token = answer.get("access_token")
        if status != 200 or not isinstance(token, str) or not token.isascii() or not token.isprintable():
            why = cleaning.one_line(str(answer.get("error_description") or answer.get("error") or ""), 200)
            raise Refused(text.code_refused(why), text.check_application(), 403, "sign_in_refused")
        bearer = {"Authorization": f"Bearer {token}"}
        status, answer = self._api.page("ask who signed in", "GET", "/api/v1/user", headers=bearer)
        if status != 200:
            raise Refused(text.forge_says_nothing(), text.check_application(), 403, "sign_in_refused")
        try:
            person = decode.account(answer)
        except (KeyError, ValueError, TypeError) as problem:
            raise Refused(text.forge_says_nothing(), text.check_application(), 403, "sign_in_refused") from problem
        if person.id <= 0 or not person.login:
            raise Refused(text.forge_says_nothing(), text.check_application(), 403, "sign_in_refused")
        return person
