"""The agent's token when it is a job of Forgejo Actions: a session for its id token, renewed before it ends."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import requests

from bot.core import actions_text, cleaning
from bot.core import agent_text as text
from bot.core.errors import Refused, Unavailable

URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
BEARER: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
#: A session is renewed when less than this is left of it.
_EARLY_SECS: Final = 240.0
_TIMEOUT: Final = (10.0, 30.0)


class JobCredentials:
    """Any thread may ask. ``clock`` gives seconds since the epoch."""

    open_to_others = False

    def __init__(
        self, server: str, env: Mapping[str, str], audience: str, claim_id: str, clock: Callable[[], float]
    ) -> None:
        """Raises Refused when the job has no way to an id token."""
        self._asked_at, self._bearer = env.get(URL, ""), env.get(BEARER, "")
        if not (self._asked_at and self._bearer):
            raise Refused(actions_text.no_id_token(), actions_text.how_to_get_one(), 401, "no_id_token")
        self._server, self._audience, self._claim_id = server.rstrip("/"), audience, claim_id
        self._clock = clock
        self._lock = threading.Lock()
        self._session: dict[str, Any] = {}
        self._until = 0.0

    def token(self) -> str:
        """Raises Refused when the server does not accept this job, Unavailable when it or the forge is away."""
        with self._lock:
            if self._until - self._clock() < _EARLY_SECS:
                try:
                    self._renew()
                except Unavailable:
                    if self._until <= self._clock():
                        raise
            return str(self._session["token"])

    @property
    def agent_id(self) -> str:
        """Under which the server knows this job."""
        self.token()
        return str(self._session.get("agent_id") or "")

    def secrets(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(x for x in (str(self._session.get("token", "")), self._bearer) if x)

    def keep(self, token: str) -> None:
        """Nothing is handed out to a job."""

    def fall_back(self) -> bool:
        """After a 401: show a new id token."""
        with self._lock:
            self._until = 0.0
        return True

    def _renew(self) -> None:
        answer = _ask("POST", f"{self._server}/api/v1/actions/session", self._id_token(), {"claim_id": self._claim_id})
        said = _said(answer)
        if answer.status_code >= 500 or said.get("kind") == "id_token_replayed":  # two of one second are the same
            raise Unavailable(text.server_trouble(answer.status_code), 2.0)
        if answer.status_code != 201:
            detail, fix = (cleaning.plain(str(said.get(x) or ""), 1000) for x in ("detail", "fix"))
            raise Refused(detail or text.server_trouble(answer.status_code), fix, answer.status_code, "job_refused")
        self._session, self._until = said, datetime.fromisoformat(str(said["expires_at"])).timestamp()

    def _id_token(self) -> str:
        joint = "&" if "?" in self._asked_at else "?"
        answer = _ask("GET", f"{self._asked_at}{joint}audience={quote(self._audience, safe='')}", self._bearer, None)
        value = _said(answer).get("value")
        if answer.status_code != 200 or not isinstance(value, str):
            raise Unavailable(text.server_trouble(answer.status_code), 5.0)
        return value


def _ask(method: str, url: str, bearer: str, body: Mapping[str, Any] | None) -> requests.Response:
    try:
        with requests.Session() as http:
            http.trust_env = False
            headers = {"Authorization": f"Bearer {bearer}"}
            return http.request(method, url, json=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
    except requests.RequestException as lost:
        raise Unavailable(text.unreachable(cleaning.one_line(str(lost), 300))) from lost


def _said(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except requests.RequestException:
        return {}
    return found if isinstance(found, dict) else {}
