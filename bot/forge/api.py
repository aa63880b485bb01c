"""Calling Forgejo: pyforgejo over our session, its three families of errors turned into our two."""

import email.utils
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import pydantic
import requests
from pyforgejo import PyforgejoApi
from pyforgejo.core.api_error import ApiError

from bot.core.errors import Refused, Unavailable
from bot.forge import answers, transport

T = TypeVar("T")

PAGE: Final = 50
answers.without_detours()
_ONCE: Final = {"max_retries": 0}  # pyforgejo repeats even POSTs after 409 and 5xx; the outbox owns retries


@dataclass(frozen=True)
class RepoRef:
    """A repository by its lasting id and the ``owner/name`` last known."""

    id: int
    full_name: str


class Missing(Refused):
    """404: it is not there, or not for this token (Forgejo says the same for both)."""


class Moved(Refused):
    """A redirect: the repository or its owner was renamed. ``location`` is where the forge points, "" = nowhere."""

    location: str = ""


class Api:
    """One account's access to one Forgejo; thread-safe, made after a fork."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_secs: float = 30,
        ca_file: str = "",
        session: requests.Session | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._session = session or transport.session(ca_file=ca_file)
        self._http = httpx.Client(
            transport=transport.RequestsTransport(self._session, timeout_secs),
            headers={"User-Agent": "agent-fleet", "Accept": "application/json"},
            cookies=transport.no_cookies(),
            trust_env=False,
        )
        base = f"{self.url}/api/v1"
        self._client = PyforgejoApi(base_url=base, api_key=token, httpx_client=self._http)
        self._auth = {"Authorization": f"token {token}"}
        self._base = base
        self._names: dict[int, str] = {}
        #: Told the kind of each failure of the forge (not of what it rightly refuses), for the metrics.
        self.on_failure: Callable[[str], object] = str

    def close(self) -> None:
        self._http.close()
        self._session.close()

    @property
    def client(self) -> PyforgejoApi:
        return self._client

    def call(self, what: str, method: Callable[..., Any], *args: object, write: bool = False, **options: object) -> Any:
        """Runs one pyforgejo method and returns plain JSON data.

        ``what`` names it for people ("read issue 7"). Raises Unavailable, Missing or Refused.
        """
        try:
            answer = method(*args, **options, request_options=_ONCE)
        except ApiError as problem:
            status = problem.status_code or 0
            self._note(status)
            raise _refusal(what, status, problem.headers or {}, problem.body, write) from problem
        except httpx.HTTPError as problem:
            self.on_failure("no_answer")
            raise _no_answer(what, problem, write) from problem
        except (pydantic.ValidationError, json.JSONDecodeError) as problem:
            raise Unavailable(f"Forgejo's answer could not be read ({what}).", ambiguous=write) from problem
        return answers.plain(answer)

    def raw(self, what: str, method: str, path: str, *, write: bool = False, **options: Any) -> Any:
        """The same for what pyforgejo 2.0.7 cannot do; ``path`` is below ``/api/v1``. None for an empty answer."""
        try:
            answer = self._http.request(method, self._base + path, headers=self._auth, **options)
        except httpx.HTTPError as problem:
            self.on_failure("no_answer")
            raise _no_answer(what, problem, write) from problem
        if not answer.is_success:
            self._note(answer.status_code)
            raise _refusal(what, answer.status_code, answer.headers, answer.text, write)
        try:
            return answer.json() if answer.content else None
        except ValueError as problem:
            raise Unavailable(f"Forgejo's answer could not be read ({what}).", ambiguous=write) from problem

    def _note(self, status: int) -> None:
        kind = {401: "token", 403: "forbidden", 429: "busy", 503: "busy"}.get(status, "server_error")
        if status in (401, 403, 429) or status >= 500 or status == 0:
            self.on_failure(kind)

    def time(self) -> float | None:
        """The forge's clock in epoch seconds, to the second; None when its answers carry no date."""
        try:
            answer = self._http.get(f"{self._base}/version", headers=self._auth)
        except httpx.HTTPError as problem:
            raise _no_answer("read the forge's clock", problem, write=False) from problem
        try:
            return email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (KeyError, ValueError):
            return None

    def text(self, what: str, path: str, *, page: bool = False) -> str:
        """A plain text, below ``/api/v1`` or (``page``) below the forge's own address. Errors as ``call``."""
        try:
            answer = self._http.request("GET", (self.url if page else self._base) + path, headers=self._auth)
        except httpx.HTTPError as problem:
            self.on_failure("no_answer")
            raise _no_answer(what, problem, write=False) from problem
        if not answer.is_success:
            self._note(answer.status_code)
            raise _refusal(what, answer.status_code, answer.headers, answer.text, write=False)
        return answer.text

    def public(self, what: str, path: str) -> Any:
        """What anyone may read at ``path`` below the forge's address; the bot's token does not go with it."""
        try:
            answer = self._http.request("GET", self.url + path)
        except httpx.HTTPError as problem:
            raise _no_answer(what, problem, False) from problem
        if not answer.is_success:
            raise _refusal(what, answer.status_code, answer.headers, answer.text, False)
        try:
            return answer.json()
        except ValueError as problem:
            raise Unavailable(f"Forgejo's answer could not be read ({what}).") from problem

    def page(
        self,
        what: str,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON members ({} for none) of what lies beside the API; the bot's token does not go with it.

        A refusal is an answer, too. Raises Unavailable when there is none, or the forge is in trouble.
        """
        try:
            answer = self._http.request(method, self.url + path, data=form, headers=headers)
        except httpx.HTTPError as problem:
            self.on_failure("no_answer")
            raise _no_answer(what, problem, write=False) from problem
        if answer.status_code == 429 or answer.status_code >= 500:
            self._note(answer.status_code)
            raise _refusal(what, answer.status_code, answer.headers, answer.text, write=False)
        try:
            found = answer.json()
        except (ValueError, RecursionError):
            found = {}
        return answer.status_code, found if isinstance(found, dict) else {}

    def within(self, repo: RepoRef, verb: Callable[[str, str], T]) -> T:
        """Runs ``verb(owner, name)`` for a repository, once more under its new name when it was renamed.

        With id 0 (only a name is known, as a person typed it) the name in the redirect is followed.
        """
        name = self._names.get(repo.id, repo.full_name)
        try:
            return verb(*_split(name))
        except Moved as moved:
            if not repo.id:
                return verb(*_named_in(moved))
            found = self.call("find a renamed repository", self.client.repository.repo_get_by_id, repo.id)
            self._names[repo.id] = str(found["full_name"])
            return verb(*_split(self._names[repo.id]))

    def raw_in(self, repo: RepoRef, what: str, method: str, path: str, *, write: bool = False, **options: Any) -> Any:
        """``raw`` in a repository, under whatever name it has by now; ``path`` is below it."""
        return self.within(repo, lambda o, r: self.raw(what, method, f"/repos/{o}/{r}{path}", write=write, **options))

    def named(self, repo_id: int, full_name: str) -> None:
        """What a repository is called now: an earlier name may have become another one's."""
        if repo_id in self._names:
            self._names[repo_id] = full_name

    def pages(self, read: Callable[[int], list[Any] | None]) -> Iterator[Any]:
        """Every element of a list read page by page (1-based, PAGE each)."""
        page = 1
        while True:
            found = read(page) or []
            yield from found
            if len(found) < PAGE:
                return
            page += 1


def quoted(part: str) -> str:
    """A path parameter; pyforgejo puts it into the URL as it is (2.0.7)."""
    return quote(part, safe="")


def _split(full_name: str) -> tuple[str, str]:
    owner, _, name = full_name.partition("/")
    return quoted(owner), quoted(name)


def _named_in(moved: Moved) -> tuple[str, str]:
    """Owner and name in a redirect such as ``/api/v1/repos/ann/lab2``, quoted as they stand there."""
    parts = moved.location.partition("/api/v1/repos/")[2].split("?")[0].split("/")
    if len(parts) < 2 or not all(parts[:2]):
        raise moved
    return parts[0], parts[1]


def _refusal(what: str, status: int, headers: Mapping[str, Any], body: object, write: bool) -> Exception:
    said = _message(body)
    if status in (429, 503) or status == 0:
        return Unavailable(f"Forgejo is busy ({what}).", retry_after=_seconds(headers))
    if status >= 500:
        return Unavailable(f"Forgejo answered {status} ({what}){said}.", ambiguous=write)
    if status == 401:
        return Unavailable(
            f"Forgejo does not accept the bot's token ({what}){said}. Make a new one and set token under [forgejo].",
            retry_after=60,
        )
    if status == 404:
        return Missing(f"Forgejo does not find it, or does not show it to the bot ({what}).", "", 404, "forge_404")
    if 300 <= status < 400:
        moved = Moved(f"It was renamed on the forge ({what}).", "", status, "forge_moved")
        moved.location = next((str(v) for k, v in headers.items() if k.lower() == "location"), "")
        return moved
    if status < 300:
        return Unavailable(f"Forgejo's answer could not be read ({what}).", ambiguous=write)
    return Refused(f"Forgejo refused with {status} ({what}){said}.", "", status, f"forge_{status}")


def _no_answer(what: str, problem: httpx.HTTPError, write: bool) -> Unavailable:
    never_sent = isinstance(problem, httpx.ConnectError | httpx.ConnectTimeout)
    return Unavailable(f"Forgejo does not answer ({what}).", ambiguous=write and not never_sent)


def _message(body: object) -> str:
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return ""
    text = body.get("message") if isinstance(body, dict) else None
    return f": {str(text)[:200]}" if text else ""


def _seconds(headers: Mapping[str, Any]) -> float | None:
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
    return min(float(value), 3600.0) if value and str(value).isdigit() else None
