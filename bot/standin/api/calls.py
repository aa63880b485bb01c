"""One API call: who makes it, on what, with which body; and the table of routes."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlencode

from werkzeug.wrappers import Request

from bot.standin.answers import Json, Refusal, Reply, not_found
from bot.standin.issues import Entry, Issue
from bot.standin.people import Person, Right, Token
from bot.standin.pulls import Pull
from bot.standin.render.people import user

if TYPE_CHECKING:
    from bot.standin.forge import Standin
    from bot.standin.repositories import Repository

T = TypeVar("T")

#: What Go calls the JSON kinds in its complaints, and what they may become.
_GO_KINDS: Final = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}

#: `GET /settings/api`.
DEFAULT_PAGE, MAX_PAGE = 30, 50


@dataclass(eq=False)
class Call:
    """A request being answered. ``person`` is None for nobody signed in."""

    forge: "Standin"
    request: Request
    args: Mapping[str, str]
    person: Person | None
    token: Token | None
    found_repo: "Repository | None" = None
    by_password: bool = False
    _body: dict[str, Json] = field(default_factory=dict)

    @property
    def by(self) -> Person:
        """Who is signed in; routes that use this demand somebody."""
        if self.person is None:
            raise Refusal(401, "token is required")
        return self.person

    @property
    def repo(self) -> "Repository":
        """The repository of the path."""
        if self.found_repo is None:
            raise not_found()
        return self.found_repo

    @property
    def right(self) -> Right:
        """What this call may do; a token for chosen repositories never makes an admin (15.0, seen)."""
        right = self.repo.right_of(self.person)
        if self.token is not None and self.token.repositories is not None:
            right = min(right, Right.WRITE)
            if self.repo.id not in self.token.repositories:
                right = Right.NONE if self.repo.private else Right.READ
        return right

    def needs(self, right: Right) -> None:
        """Refuse as Forgejo's route checks do."""
        if self.right < right:
            if right >= Right.ADMIN:
                raise Refusal(403, "user should be an owner or a collaborator with admin write of a repository")
            raise Refusal(403, "user should have a permission to write to a repo")

    def issue(self) -> Issue:
        """The issue or pull request of the path."""
        found = self.repo.issues.get(int(self.args["number"]))
        if found is None:
            raise not_found()
        return found

    def pull(self) -> Pull:
        """The pull request of the path."""
        found = self.issue().as_pull
        if found is None:
            raise not_found()
        return found

    def comment(self) -> Entry:
        """The comment of the path (or another timeline entry)."""
        wanted = int(self.args["comment"])
        found = self.repo.comment_of(wanted)
        if found is None:
            raise not_found(f"comment does not exist [id: {wanted}, issue_id: 0]")
        return found

    def query(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.request.args.get(name, default)

    def since(self) -> float:
        """`since` in epoch seconds, 0 without one."""
        text = self.query("since")
        return datetime.fromisoformat(text).timestamp() if text else 0.0

    def body(self, struct: str, required: Sequence[str] = (), **kinds: type) -> dict[str, Json]:
        """The JSON body by Go's rules: unknown keys are ignored, null is absent, wrong types are 422."""
        try:
            given = json.loads(self.request.get_data() or b"{}")
        except ValueError as error:
            text = self.request.get_data(as_text=True).lstrip("{ ")
            why = f"invalid character '{text[:1]}' looking for beginning of object key string"
            raise Refusal(422, f"[]: {why}") from error
        for name, kind in kinds.items():
            value = given.get(name)
            if value is not None and not (isinstance(value, kind) and (kind is bool) == isinstance(value, bool)):
                seen, wanted = _GO_KINDS[type(value)], _GO_KINDS[kind]
                text = f"json: cannot unmarshal {seen} into Go struct field {struct}.{name} of type {wanted}"
                raise Refusal(422, f"[]: {text}")
        for name in required:
            if not given.get(name):
                raise Refusal(422, f"[{name.title().replace('_', '')}]: Required")
        return {name: value for name, value in given.items() if value is not None}

    def page(self, items: Sequence[T], *, lax: bool = False, links: bool = False) -> tuple[Sequence[T], dict[str, str]]:
        """One page and its headers. ``lax``: a `limit` without `page` is ignored, as some lists do."""
        headers = {"X-Total-Count": str(len(items))}
        if lax and not self.query("page"):
            return items, headers
        page = max(1, int(self.query("page") or 1))
        limit = min(int(self.query("limit") or DEFAULT_PAGE) or DEFAULT_PAGE, MAX_PAGE)
        last = max(1, -(-len(items) // limit))
        if links and last > 1:
            headers["Link"] = self._links(page, last)
        return items[(page - 1) * limit : page * limit], headers

    def _links(self, page: int, last: int) -> str:
        """The Link header in Forgejo's order: next, last, first, prev."""
        wanted = {"next": page + 1, "last": last} if page < last else {}
        if page > 1:
            wanted |= {"first": 1, "prev": page - 1}
        url = f"{self.forge.url}{self.request.path}"
        params = dict(sorted(self.request.args.items()))
        return ",".join(
            f'<{url}?{urlencode(dict(sorted({**params, "page": str(number)}.items())))}>; rel="{name}"'
            for name, number in wanted.items()
        )

    def shown(self, person: Person) -> dict[str, Json]:
        """A user as the caller sees it."""
        return user(self.forge, person, self.person)


Handler = Callable[[Call], Reply]


@dataclass(frozen=True)
class Route:
    """A method and path under `/api/v1`; ``scope`` is the token category, "" when none is asked."""

    method: str
    path: str
    scope: str
    handler: Handler
    signed_in: bool


ROUTES: Final[list[Route]] = []


def route(
    method: str, path: str, *, scope: str = "repository", signed_in: bool | None = None
) -> Callable[[Handler], Handler]:
    """Offer a route; writing always needs somebody signed in."""

    def offer(handler: Handler) -> Handler:
        demanded = method != "GET" if signed_in is None else signed_in
        ROUTES.append(Route(method, path, scope, handler, demanded))
        return handler

    return offer


def ok(body: Json, headers: Mapping[str, str] | None = None) -> Reply:
    """200 with JSON."""
    return Reply(200, body, headers=headers or {})


def created(body: Json) -> Reply:
    """201 with JSON."""
    return Reply(201, body)
