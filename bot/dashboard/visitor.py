"""Who looks at the dashboard, and what they may see and press: the forge's word, at most a minute old."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from bot.core.facts import Account, Right
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
    """What visitors may do in the repositories that the bot watches; one per process, threads share it."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._known: dict[tuple[int, str, int], tuple[Right, float]] = {}
        self._lock = threading.Lock()

    def may_read(self, visitor: Visitor, repo: str) -> bool:
        """``repo`` is ``owner/name``; one that the bot does not watch is nobody's to see. Raises Unavailable."""
        known = self._watched(repo)
        return known is not None and (visitor.is_operator or _reads(self._right(visitor, known)))

    def may_write(self, visitor: Visitor, repo: str) -> bool:
        """Retry, cancel, hold and the like. Raises Unavailable."""
        known = self._watched(repo)
        if known is None or visitor.login is None:
            return False
        return visitor.is_operator or self._right(visitor, known).may_write

    def may_operate(self, visitor: Visitor) -> bool:
        """Agents, hosts, tokens: what belongs to no repository."""
        return visitor.is_operator

    def readable(self, visitor: Visitor) -> frozenset[str] | None:
        """The names of what they may see; None = everything. Raises Unavailable."""
        found = self._readable(visitor)
        return None if found is None else frozenset(repo.full_name for repo in found)

    def readable_ids(self, visitor: Visitor) -> frozenset[int] | None:
        """The same by the forge's ids, which outlast renames."""
        found = self._readable(visitor)
        return None if found is None else frozenset(repo.id for repo in found)

    def is_public(self, repo: KnownRepository) -> bool:
        """Whether the forge shows it to people who are not signed in. Raises Unavailable."""
        return _reads(self._kept((_ANYONE, "", repo.id), lambda: self._as_stranger(repo)))

    def _readable(self, visitor: Visitor) -> list[KnownRepository] | None:
        if visitor.is_operator:
            return None
        repos = self._fleet.read(forge_facts.watched)
        return [repo for repo, right in zip(repos, self._all(visitor, repos), strict=True) if _reads(right)]

    def _all(self, visitor: Visitor, repos: list[KnownRepository]) -> Iterable[Right]:
        """The right in each, several asked for at once: a first look at many repositories is not to take forever."""
        if len(repos) < 2:
            return [self._right(visitor, repo) for repo in repos]
        with ThreadPoolExecutor(min(_AT_ONCE, len(repos))) as several:
            return list(several.map(lambda repo: self._right(visitor, repo), repos))

    def _right(self, visitor: Visitor, repo: KnownRepository) -> Right:
        if visitor.login is None or not visitor.account_id:
            open_to_all = self._fleet.settings.dashboard.anonymous and self.is_public(repo)
            return Right.READ if open_to_all else Right.NONE
        person = Account(visitor.account_id, visitor.login)
        return self._kept((person.id, person.login, repo.id), lambda: self._of_person(repo, person))

    def _of_person(self, repo: KnownRepository, person: Account) -> Right:
        right = rights.right_of(self._fleet, repo, person)
        if (
            right is Right.UNKNOWN
        ):  # the forge will not tell us; what it shows to everybody it shows to this person, too
            right = Right.READ if self.is_public(repo) else Right.NONE
        return right

    def _as_stranger(self, repo: KnownRepository) -> Right:
        return Right.READ if self._fleet.forge.repos.is_public(repo.id) else Right.NONE

    def _kept(self, key: tuple[int, str, int], ask: Callable[[], Right]) -> Right:
        now = self._fleet.clock()
        with self._lock:
            right, at = self._known.get(key, (Right.UNKNOWN, 0.0))
        if at and 0 <= now - at < _KEEP_SECS:
            return right
        right = ask()
        with self._lock:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[key] = (right, now)
        return right

    def _watched(self, name: str) -> KnownRepository | None:
        known = self._fleet.read(lambda sql: forge_facts.repo_named(sql, name))
        return known if known is not None and known.watched else None


def _reads(right: Right) -> bool:
    return right in (Right.READ, Right.WRITE, Right.ADMIN)
