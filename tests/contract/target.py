"""The forge under test: what setting it up takes beyond the API calls that are compared."""

from pathlib import Path
from typing import Protocol

from bot.standin import Standin


class CannotDo(Exception):
    """This target has no way to bring about a situation; what depends on it is skipped with this reason."""


class Target(Protocol):
    """People, repositories and the few deeds for which Forgejo has no API."""

    name: str
    url: str
    newer: bool

    def person(self, login: str, *, is_admin: bool = False) -> None:
        """Make an account."""

    def token(self, login: str, *scopes: str) -> str:
        """A new token of that person with these scopes."""

    def password(self, login: str) -> str:
        """That person's password."""

    def repository(self, full_name: str, *, private: bool = False) -> None:
        """Make a repository with a README."""

    def organization(self, login: str, owner: str) -> None:
        """Make an organisation."""

    def grant(self, full_name: str, login: str, right: str) -> None:
        """Make someone a collaborator."""

    def lock(self, full_name: str, number: int, by: str, *, locked: bool) -> None:
        """Lock or unlock an issue's conversation (web only)."""

    def open_issue_by_web_form(self, full_name: str, by: str, title: str, labels: list[str]) -> int:
        """Open an issue through the web's form, labels included; returns its number."""

    def settle(self) -> None:
        """Wait until no webhook is on its way, as far as the target can know."""


class StandinTarget:
    """The stand-in, in this process, served over HTTP."""

    name = "stand-in"
    newer = False

    def __init__(self, root: Path) -> None:
        self.forge = Standin(root, deliveries="auto")
        self.url = ""

    def person(self, login: str, *, is_admin: bool = False) -> None:
        self.forge.person(login, is_admin=is_admin)

    def token(self, login: str, *scopes: str) -> str:
        return self.forge.person(login).new_token(*scopes).secret

    def password(self, login: str) -> str:
        return self.forge.person(login).password

    def repository(self, full_name: str, *, private: bool = False) -> None:
        name = full_name.partition("/")[2]
        self.forge.repository(full_name, {"README.md": f"# {name}\n\nrecorded\n"}, private=private)

    def organization(self, login: str, owner: str) -> None:
        self.forge.organization(login, self.forge.person(owner))

    def grant(self, full_name: str, login: str, right: str) -> None:
        repo = self.forge.find(full_name)
        assert repo is not None
        repo.grant(self.forge.person(login), right)

    def lock(self, full_name: str, number: int, by: str, *, locked: bool) -> None:
        repo = self.forge.find(full_name)
        assert repo is not None
        issue, person = repo.issues[number], self.forge.person(by)
        if locked:
            issue.lock(person)
        else:
            issue.unlock(person)

    def open_issue_by_web_form(self, full_name: str, by: str, title: str, labels: list[str]) -> int:
        repo = self.forge.find(full_name)
        assert repo is not None
        return repo.open_issue_by_web_form(self.forge.person(by), title, "", labels).number

    def settle(self) -> None:
        self.forge.deliveries.settle()
