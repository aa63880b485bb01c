"""The stand-in itself: its people, its repositories, its clock, and the one lock around them."""

import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bot.standin.answers import Json, not_found
from bot.standin.app import application
from bot.standin.deliveries import Deliveries
from bot.standin.faults import Faults
from bot.standin.hooks import deliveries_for
from bot.standin.oauth import OAuth
from bot.standin.organizations import Organization
from bot.standin.people import Person, Token
from bot.standin.record import Record
from bot.standin.repositories import Repository
from bot.standin.serve import serve
from bot.standin.workflows import Run, Signer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Standin:
    """A small Forgejo: API, webhooks and git over HTTP, all rendered from one state.

    ``root`` takes the bare repositories. ``clock`` gives epoch seconds; Forgejo keeps whole ones. With
    ``deliveries="manual"`` webhooks wait until ``forge.deliveries.deliver_all()``; with "auto" a thread sends
    them in order. It behaves like Forgejo 15.0 wherever the contract suite holds it to a recording.
    """

    version = "15.0.3+gitea-1.22.0"

    def __init__(
        self,
        root: Path,
        clock: Callable[[], float] = time.time,
        deliveries: Literal["manual", "auto"] = "manual",
    ) -> None:
        self.root = root
        self.clock = clock
        self.lock = threading.RLock()
        self.url = "http://forge.test"
        self.people: dict[str, Person] = {}
        self.repositories: dict[int, Repository] = {}
        self.organizations: dict[str, Organization] = {}
        self.moved: dict[str, int] = {}
        self.requests: list[Record] = []
        self.runs: dict[int, Run] = {}
        self.signer = Signer()
        self.oauth = OAuth()
        self.can_cancel_runs = False
        self.faults = Faults()
        self.deliveries = Deliveries(self.faults, clock)
        self.automatic = deliveries == "auto"
        self.wsgi: WSGIApplication = application(self)
        self._ids: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))

    def now(self) -> float:
        """The forge's time in whole seconds, as it is stored and shown."""
        return float(int(self.clock()))

    def next_id(self, kind: str) -> int:
        """The next number of a kind of thing ("issue", "comment" …), instance wide."""
        return next(self._ids[kind])

    def person(self, login: str, *, is_admin: bool = False) -> Person:
        """The account of that name, made when it is not there; it has a token with every scope."""
        with self.lock:
            if login not in self.people:
                made = Person(self.next_id("person"), login, self.now(), is_admin)
                made.new_token()
                self.people[login] = made
            return self.people[login]

    def organization(self, login: str, *owners: Person) -> Organization:
        """The organisation of that name, made when it is not there; its repositories are made as anyone's."""
        with self.lock:
            made = self.organizations.setdefault(login.lower(), Organization(self.person(login)))
            made.owners |= set(owners)
            return made

    def repository(
        self,
        full_name: str,
        files: Mapping[str, str] | None = None,
        *,
        private: bool = False,
        default_branch: str = "main",
    ) -> Repository:
        """Make ``owner/name`` with an initial commit by its owner (``files={}``: left empty)."""
        owner, name = full_name.split("/")
        with self.lock:
            made = Repository(self, self.next_id("repository"), self.person(owner), name, private, default_branch)
            self.repositories[made.id] = made
            made.begin({"README.md": f"# {name}\n"} if files is None else files)
            return made

    def find(self, full_name: str) -> Repository | None:
        """The repository that has this name now."""
        wanted = full_name.lower()
        return next((repo for repo in self.repositories.values() if repo.full_name.lower() == wanted), None)

    def holder_of(self, secret: str) -> tuple[Person, Token] | None:
        """Whose token this is."""
        pairs = ((person, token) for person in self.people.values() for token in person.tokens)
        return next(((person, token) for person, token in pairs if token.secret == secret), None)

    def named(self, login: str) -> Person:
        """The account of that name; raises the refusal that Forgejo gives for an unknown one."""
        if login not in self.people:
            raise not_found(message=f"user does not exist [uid: 0, name: {login}]")
        return self.people[login]

    def emit(self, repo: Repository, event_type: str, payload: Mapping[str, Json], *, ref: str = "") -> None:
        """Queue a webhook for every hook that wants it; the body is fixed here, as Forgejo does."""
        org = self.organizations.get(repo.owner.login.lower())
        for delivery in deliveries_for([*repo.hooks, *(org.hooks if org else ())], event_type, payload, ref):
            self.deliveries.queue(delivery)

    @contextmanager
    def serve(self, port: int = 0, address: str = "127.0.0.1") -> Iterator[str]:
        """Answer on ``address`` until the block ends; yields the forge's URL."""
        with serve(self.wsgi, port, address) as url:
            self.url = url
            if self.automatic:
                self.deliveries.start()
            try:
                yield url
            finally:
                self.deliveries.stop()

    def calls(self, method: str = "", path: str = "", by: Sequence[str] = ()) -> list[Record]:
        """Answered requests whose method is this, whose path contains that, and who made them."""
        return [
            call
            for call in self.requests
            if method in ("", call.method) and path in call.path and (not by or call.login in by)
        ]
