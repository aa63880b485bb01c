"""The agent's end of the wire: one method per call of ``/api/v1``, each tried once.

Every method raises Unavailable when the server, or the way to it, does not work (``ambiguous``: it may have
taken effect all the same; every call may be repeated), and Refused with the server's own words and status when
it says no.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests
from requests.auth import AuthBase

import bot
from bot.core import agent_text as text
from bot.core import cleaning
from bot.core.errors import Refused, Unavailable

#: Seconds to wait for a connection, for an answer, and for the next bytes of a bundle.
_CONNECT_SECS: Final = 10.0
_ANSWER_SECS: Final = 30.0
_BUNDLE_SECS: Final = 300.0
_CHUNK: Final = 64 * 1024
_BUNDLE: Final = "application/x-git-bundle"
_SHA: Final = re.compile(r"[0-9a-f]{40}")
_BUSY: Final = (408, 425, 429)

Json = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """A task this agent may work on. ``task`` is what the server tells of it (see docs/agent-api-reference)."""

    task: Json
    fence: int

    @property
    def task_id(self) -> str:
        return str(self.task["task_id"])


@dataclass(frozen=True)
class NoWork:
    """Nothing fits now; ask again after ``retry_after`` seconds."""

    retry_after: float


class Client:
    """Speaks to one server as one agent; any thread may use it. ``token`` is asked for with every call."""

    def __init__(self, url: str, agent_id: str, token: Callable[[], str]) -> None:
        """Raises Refused when ``url`` is no http(s) address, or holds a password."""
        self._api = f"{_checked(url)}/api/v1"
        self._agent = agent_id
        self._auth = _Bearer(token)
        self._own = threading.local()

    def register(self, about: Mapping[str, Any]) -> Json:
        """Says who we are, or brings it up to date; the answer holds ``agent_token`` the first time only."""
        return self._json("POST", "/agents/register", {"agent_id": self._agent, **about})

    def heartbeat(self, running: Sequence[tuple[str, int]]) -> Json:
        named = [{"task_id": task_id, "fence": fence} for task_id, fence in running]
        return self._json("POST", "/agents/heartbeat", {"agent_id": self._agent, "running": named})

    def deregister(self, reason: str) -> Json:
        """We go; what we still hold goes back to the queue."""
        return self._json("POST", "/agents/deregister", {"agent_id": self._agent, "reason": reason})

    def dequeue(self, claim_id: str, wait_secs: int) -> Claim | NoWork:
        """Ask for a task. The same ``claim_id`` gets the same task again, so a lost answer loses nothing."""
        body = {"agent_id": self._agent, "wait_secs": wait_secs, "claim_id": claim_id}
        answer = self._call("POST", "/tasks/dequeue", json=body, answer_secs=wait_secs + _ANSWER_SECS)
        if answer.status_code == 204:
            return NoWork(_retry_after(answer) or 1.0)
        found = _decoded(answer)
        task, fence = found.get("task"), found.get("fence")
        if not isinstance(task, dict) or not isinstance(task.get("task_id"), str) or not isinstance(fence, int):
            raise Unavailable(text.strange_answer("/tasks/dequeue"))
        return Claim(task, fence)

    def status(self, claim: Claim, report: Mapping[str, Any]) -> Json:
        """Report progress; the answer may say ``cancel``, and ``log_offset`` up to where the log is known."""
        return self._json("POST", _of(claim, "status"), {**self._mine(claim), **report})

    def source(self, claim: Claim, have: str | None, into: Path) -> str:
        """Write the source as a git bundle to ``into``; returns the commit to check out."""
        wanted = {"agent_id": self._agent, "fence": str(claim.fence)} | ({"have": have} if have else {})
        answer = self._call("GET", _of(claim, "source"), params=wanted, answer_secs=_BUNDLE_SECS, stream=True)
        sha = answer.headers.get("Agent-Fleet-Source", "")
        try:
            if not _SHA.fullmatch(sha):
                raise Unavailable(text.strange_answer(_of(claim, "source")))
            with into.open("wb") as file:
                for chunk in answer.iter_content(_CHUNK):
                    file.write(chunk)
        except requests.RequestException as lost:
            raise Unavailable(text.unreachable(_why(lost))) from lost
        finally:
            answer.close()
        return sha

    def result(self, claim: Claim, bundle: Path) -> Json:
        """Hand in the commits; the answer says what the server found in them. 422 names the rule they break."""
        wanted = {"agent_id": self._agent, "fence": str(claim.fence)}
        with bundle.open("rb") as file:  # a file has a length: nothing is sent in chunks, which the server refuses
            answer = self._call(
                "POST",
                _of(claim, "result"),
                params=wanted,
                data=file,
                headers={"Content-Type": _BUNDLE},
                answer_secs=_BUNDLE_SECS,
            )
        return _decoded(answer)

    def complete(self, claim: Claim, completion: Mapping[str, Any]) -> Json:
        """The end of the attempt; the same again gets the same answer."""
        return self._json("POST", _of(claim, "complete"), {**self._mine(claim), **completion})

    @property
    def agent_id(self) -> str:
        return self._agent

    def get(self, path: str, params: Sequence[tuple[str, str]] = ()) -> Json:
        """Anything below ``/api/v1`` that answers with JSON."""
        return _decoded(self._call("GET", path, params=list(params)))

    def text(self, path: str, params: Sequence[tuple[str, str]] = ()) -> str:
        return self._call("GET", path, params=list(params)).content.decode(errors="replace")

    def post(self, path: str, body: Json) -> Json:
        return self._json("POST", path, body)

    def _mine(self, claim: Claim) -> Json:
        return {"agent_id": self._agent, "fence": claim.fence}

    def _json(self, method: str, path: str, body: Json) -> Json:
        return _decoded(self._call(method, path, json=body))

    def _call(self, method: str, path: str, *, answer_secs: float = _ANSWER_SECS, **more: Any) -> requests.Response:
        try:
            answer = self._session().request(
                method,
                self._api + path,
                auth=self._auth,
                timeout=(_CONNECT_SECS, answer_secs),
                allow_redirects=False,  # the token is for this address only
                **more,
            )
        except requests.RequestException as lost:
            raise Unavailable(text.unreachable(_why(lost)), ambiguous=True) from lost
        if answer.status_code >= 500 or answer.status_code in _BUSY:
            raise Unavailable(text.server_trouble(answer.status_code), _retry_after(answer), ambiguous=True)
        if answer.status_code >= 300:
            raise _refusal(answer, path)
        return answer

    def _session(self) -> requests.Session:
        if not hasattr(self._own, "session"):  # one per thread: requests does not promise more
            self._own.session = requests.Session()
            self._own.session.headers["User-Agent"] = f"agent-fleet-agent/{bot.__version__}"
        session: requests.Session = self._own.session
        return session


class _Bearer(AuthBase):
    """Given as ``auth`` because requests would otherwise prefer what a .netrc says."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token()}"
        return request


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise Refused(text.bad_server(url if not parts.username else "…"), text.server_like(), 422, "bad_url")
    return url.rstrip("/")


def _of(claim: Claim, what: str) -> str:
    return f"/tasks/{quote(claim.task_id, safe='')}/{what}"


def _decoded(answer: requests.Response) -> Json:
    try:
        found = answer.json()
    except requests.RequestException as error:
        raise Unavailable(text.strange_answer(urlsplit(answer.url).path), ambiguous=True) from error
    if not isinstance(found, dict):
        raise Unavailable(text.strange_answer(urlsplit(answer.url).path), ambiguous=True)
    return found


def _refusal(answer: requests.Response, path: str) -> Refused:
    """The server's problem+json, or what can be said without one. ``kind`` is its machine name of the reason."""
    try:
        said = answer.json()
    except requests.RequestException:
        said = {}
    if not isinstance(said, dict):
        said = {}
    detail = said.get("detail") or said.get("error") or text.refused_without_words(answer.status_code, path)
    kind = said.get("kind") or said.get("rule") or re.split(r"[/#]", str(said.get("type", "")))[-1]
    fix = said.get("fix") or ""
    return Refused(cleaning.plain(str(detail), 4000), cleaning.plain(str(fix), 1000), answer.status_code, str(kind))


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds; a date there is not used by our server and counts as nothing said."""
    said = answer.headers.get("Retry-After", "")
    return float(said) if re.fullmatch(r"[0-9]{1,6}", said) else None


def _why(error: requests.RequestException) -> str:
    return cleaning.one_line(str(error) or type(error).__name__, 300)
