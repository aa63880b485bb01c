"""Who looks at the dashboard, and what they may see and press: the forge's word, at most a minute old."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from bot.core.facts import Account, Right
from bot.dashboard.kept import Kept
from bot.forge import Missing
from bot.service import rights
from bot.service.fleet import Fleet
from bot.store import forge_facts
from bot.store.forge_facts import KnownRepository

#: How long an answer of the forge counts.
_KEEP_SECS: Final = 60.0
_MOST_KEPT: Final = 50_000
_AT_ONCE: Final = 8
#: Stands for whoever is not signed in.
_ANYONE: Final = 0


@dataclass(frozen=True)
class Visitor:
    """``login`` None: not signed in. ``is_operator``: by an admin token, or a login that the configuration lists.

    ``session`` names the session in logs (not its secret, None without one); ``csrf`` is what every form sends along.
    ``account_id`` is the forge's lasting id of the person, 0 for nobody's.
    """

    login: str | None
    is_operator: bool
    session: str | None
    csrf: str
    account_id: int = 0

    @property
    def name(self) -> str:
        """As it is written beside what they do."""
        return self.login or ""


class Rights:
    """What visitors may do in the repositories that the bot watches; one per process, threads share it.

    Repositories are told apart by the forge's ids: a name may belong to another one by now.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._known = Kept[tuple[int, str, int], Right](lambda: fleet.clock(), _KEEP_SECS, _MOST_KEPT)
        self._names = Kept[int, str](lambda: fleet.clock(), _KEEP_SECS, _MOST_KEPT)

    def may_read(self, visitor: Visitor, repo: KnownRepository) -> bool:
        """One that the bot does not watch is nobody's to see. Raises Unavailable."""
        return repo.watched and (visitor.is_operator or _reads(self._right(visitor, repo)))

    def may_write(self, visitor: Visitor, repo: KnownRepository) -> bool:
        """Retry, cancel, hold and the like. Raises Unavailable."""
        if not repo.watched or visitor.login is None:
            return False
        return visitor.is_operator or self._right(visitor, repo).may_write

    def may_operate(self, visitor: Visitor) -> bool:
        """Agents, hosts, tokens: what belongs to no repository."""
        return visitor.is_operator

    def readable(self, visitor: Visitor) -> frozenset[int] | None:
        """The ids of what they may see; None = everything. Raises Unavailable."""
        if visitor.is_operator:
            return None
        repos = self._fleet.read(forge_facts.watched)
        rights = self._all(repos, lambda repo: self._right(visitor, repo))
        return frozenset(repo.id for repo, right in zip(repos, rights, strict=True) if _reads(right))

    def is_public(self, repo: KnownRepository) -> bool:
        """Whether the forge shows it to people who are not signed in. Raises Unavailable."""
        return _reads(self._stranger(repo))

    def shown(self, visitor: Visitor) -> list[KnownRepository]:
        """What the forge shows to anybody, and what this visitor may see. Raises Unavailable."""
        repos = self._fleet.read(forge_facts.watched)
        own = self.readable(visitor) if visitor.login is not None else frozenset[int]()
        if own is None:
            return repos
        public = self._all(repos, self._stranger)
        return [repo for repo, right in zip(repos, public, strict=True) if repo.id in own or _reads(right)]

    def _all(self, repos: list[KnownRepository], ask: Callable[[KnownRepository], Right]) -> Iterable[Right]:
        """The right in each, several asked for at once: a first look at many repositories is not to take forever."""
        if len(repos) < 2:
            return [ask(repo) for repo in repos]
        with ThreadPoolExecutor(min(_AT_ONCE, len(repos))) as several:
            return list(several.map(ask, repos))

    def _right(self, visitor: Visitor, repo: KnownRepository) -> Right:
        if visitor.login is None or not visitor.account_id:
            open_to_all = self._fleet.settings.dashboard.anonymous and self.is_public(repo)
            return Right.READ if open_to_all else Right.NONE
        person = Account(visitor.account_id, visitor.login)
        return self._known.get((person.id, person.login, repo.id), lambda: self._of_person(repo, person))

    def _of_person(self, repo: KnownRepository, person: Account) -> Right:
        name = self._names.get(repo.id, lambda: self._name_now(repo))
        if not name:
            return Right.NONE
        right = rights.right_of(self._fleet, replace(repo, full_name=name), person)
        if (
            right is Right.UNKNOWN
        ):  # the forge will not tell us; what it shows to everybody it shows to this person, too
            right = Right.READ if self.is_public(repo) else Right.NONE
        return right

    def _name_now(self, repo: KnownRepository) -> str:
        """Rights are asked for by name, and the name may be another repository's by now. "" = it is gone."""
        try:
            return self._fleet.forge.repos.by_id(repo.id).full_name
        except Missing:
            return ""

    def _stranger(self, repo: KnownRepository) -> Right:
        def ask() -> Right:
            return Right.READ if self._fleet.forge.repos.is_public(repo.id) else Right.NONE

        return self._known.get((_ANYONE, "", repo.id), ask)


def _reads(right: Right) -> bool:
    return right in (Right.READ, Right.WRITE, Right.ADMIN)
