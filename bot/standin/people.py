"""People, their tokens and what they may do."""

import secrets
from dataclasses import dataclass, field
from enum import IntEnum


class Right(IntEnum):
    """What somebody may do in a repository, least first."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3
    OWNER = 4


@dataclass(eq=False)
class Token:
    """A personal access token. ``repositories`` None means every repository the person may see."""

    id: int
    name: str
    secret: str
    scopes: tuple[str, ...] = ("all",)
    repositories: tuple[int, ...] | None = None

    def allows(self, category: str, access: str) -> bool:
        """True when a scope covers ``access`` ("read", "write") of ``category`` ("issue", "repository" …)."""
        wanted = {f"write:{category}", "all"} | ({f"read:{category}"} if access == "read" else set())
        return bool(wanted.intersection(self.scopes))


@dataclass(eq=False)
class Person:
    """An account. ``password`` serves Basic authentication, ``token`` a first token with every scope."""

    id: int
    login: str
    created: float
    is_admin: bool = False
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    tokens: list[Token] = field(default_factory=list)

    @property
    def token(self) -> str:
        """The secret of the first token (all scopes)."""
        return self.tokens[0].secret

    @property
    def email(self) -> str:
        """What commits of this person carry."""
        return f"{self.login}@example.test"

    def new_token(self, *scopes: str, name: str = "", repositories: tuple[int, ...] | None = None) -> Token:
        """Another token; the whole of it is known only here, as with Forgejo."""
        made = Token(
            id=self.id * 1000 + len(self.tokens) + 1,
            name=name or f"token-{len(self.tokens) + 1}",
            secret=secrets.token_hex(20),
            scopes=scopes or ("all",),
            repositories=repositories,
        )
        self.tokens.append(made)
        return made
