"""Doing over what was recorded: the same calls in the same order, on any target.

Ids and commits differ from one instance to the next; each answer teaches which of ours stands for which
recorded one, and later paths and bodies are translated.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from tests.contract.recordings import PREFIX, Exchange
from tests.contract.target import CannotDo, Target

_SHA = re.compile(r"\b[0-9a-f]{40}\b")
_IDS_IN_PATHS: Final = {
    kind: re.compile(rf"(?<=/{part}/)\d+")
    for part, kind in (
        ("labels", "label"),
        ("comments", "comment"),
        ("hooks", "hook"),
        ("reviews", "review"),
        ("repositories", "repository"),
    )
}
_KINDS_OF_ANSWERS: Final = (
    (re.compile(r"/labels(/\d+)?$"), "label"),
    (re.compile(r"/(issues/\d+/comments|issues/comments/\d+|timeline)$"), "comment"),
    (re.compile(r"/hooks(/\d+)?$"), "hook"),
    (re.compile(r"/reviews$"), "review"),
    (re.compile(r"/repos/\w+/\w+$"), "repository"),
)
_ALL: Final = (
    "write:issue",
    "write:notification",
    "write:organization",
    "write:package",
    "write:repository",
    "write:user",
)


@dataclass(frozen=True)
class Seen:
    """What the target answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(eq=False)
class Drive:
    """One run of the recorded calls."""

    target: Target
    seen: dict[str, Seen] = field(default_factory=dict)
    impossible: dict[str, str] = field(default_factory=dict)
    _ids: dict[tuple[str, str], str] = field(default_factory=dict)
    _shas: dict[str, str] = field(default_factory=dict)
    _headers: dict[str, dict[str, str]] = field(default_factory=dict)
    _session: requests.Session = field(default_factory=requests.Session)

    def run(
        self, exchanges: list[Exchange], before: dict[str, Callable[["Drive"], None]], accept: dict[str, str]
    ) -> None:
        """Make each call, after what ``before`` says; ``accept`` names the calls with an Accept header."""
        with self._session:
            for exchange in exchanges:
                try:
                    before.get(exchange.name, _nothing)(self)
                except CannotDo as reason:
                    self.impossible[exchange.name] = str(reason)
                    continue
                extra = {"Accept": accept[exchange.name]} if exchange.name in accept else {}
                self._make(exchange, extra)

    def call(self, login: str, method: str, path: str, body: Any = None, *, file: bytes | None = None) -> Any:
        """A call that was not recorded but led to what was; it must succeed."""
        sent: dict[str, Any] = {"json": body} if file is None else {"files": {"attachment": ("log.txt", file)}}
        headers = self._credentials(f"{login} (token: all)")
        answer = self._session.request(method, self.target.url + PREFIX + path, headers=headers, **sent)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def _make(self, exchange: Exchange, extra: dict[str, str]) -> None:
        headers = {**self._credentials(exchange.who), **extra}
        body: dict[str, Any] = {}
        if exchange.request == "multipart/form-data":
            body = {"files": {"attachment": ("log.txt", b"line 1\n"[:6])}}
        elif isinstance(exchange.request, str):
            body = {"data": exchange.request}
            headers["Content-Type"] = "application/json"
        elif exchange.request is not None:
            body = {"json": json.loads(self._translated(json.dumps(exchange.request)))}
        path = self._translated_path(exchange.path)
        answer = self._session.request(
            exchange.method, self.target.url + path, headers=headers, allow_redirects=False, **body
        )
        found = {name.lower(): value for name, value in answer.headers.items()}
        self.seen[exchange.name] = Seen(answer.status_code, found, answer.content)
        if "application/json" in found.get("content-type", ""):
            self._learn(exchange, answer.json())

    def _credentials(self, who: str) -> dict[str, str]:
        """The Authorization header for a recorded `as`; one token for each wording."""
        if who not in self._headers:
            self._headers[who] = self._new_credentials(who)
        return self._headers[who]

    def _new_credentials(self, who: str) -> dict[str, str]:
        login = who.partition(" ")[0]
        if who == "no token":
            return {}
        if who == "wrong token":
            return {"Authorization": "token " + "bad0" * 10}
        if who == "fleet-bot as Bearer":
            token = self.target.token(login, "write:repository", "write:issue", "read:user")
            return {"Authorization": f"Bearer {token}"}
        if who.endswith("(password)"):
            return {"Authorization": requests.auth._basic_auth_str(login, self.target.password(login))}
        wanted = who.partition("(token: ")[2].rstrip(")")
        scopes = _ALL if wanted == "all" else tuple(wanted.split())
        return {"Authorization": f"token {self.target.token(login, *scopes)}"}

    def _translated(self, text: str) -> str:
        """``text`` with our commits in place of the recorded ones, shortened ones too."""
        for old, new in self._shas.items():
            text = text.replace(old, new).replace(f"/{old[:10]}", f"/{new[:10]}")
        return text

    def _translated_path(self, path: str) -> str:
        for kind, pattern in _IDS_IN_PATHS.items():
            for recorded in pattern.findall(path):
                path = pattern.sub(self._ids.get((kind, recorded), recorded), path)
        return self._translated(path)

    def _learn(self, exchange: Exchange, ours: Any) -> None:
        """Which of our ids and commits stand for the recorded ones."""
        path = exchange.path.partition("?")[0]
        kind = next((kind for pattern, kind in _KINDS_OF_ANSWERS if pattern.search(path)), "")
        pairs = list(zip(_listed(exchange.response), _listed(ours), strict=False))
        for old, new in pairs:
            if kind and isinstance(old, dict) and isinstance(new, dict) and "id" in old and "id" in new:
                self._ids[kind, str(old["id"])] = str(new["id"])
        if exchange.who.endswith("(password)") and isinstance(ours, dict) and ours.get("sha1"):
            only = "fleet-bot (token: write:repository write:issue, only ann/lab)"
            self._headers[only] = {"Authorization": f"token {ours['sha1']}"}
        self._learn_shas(exchange.response, ours)

    def _learn_shas(self, old: Any, new: Any) -> None:
        if isinstance(old, dict) and isinstance(new, dict):
            for name in old.keys() & new.keys():
                self._learn_shas(old[name], new[name])
        elif isinstance(old, list) and isinstance(new, list):
            for one, other in zip(old, new, strict=False):
                self._learn_shas(one, other)
        elif isinstance(old, str) and isinstance(new, str) and _SHA.fullmatch(old) and _SHA.fullmatch(new):
            self._shas[old] = new


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _nothing(_drive: Drive) -> None:
    return
