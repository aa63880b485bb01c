"""User objects, times, tokens."""

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.standin.answers import Json
from bot.standin.people import Person, Token

if TYPE_CHECKING:
    from bot.standin.forge import Standin

#: How Go writes a time that was never set, and the epoch.
NEVER = "0001-01-01T00:00:00Z"
EPOCH = "1970-01-01T00:00:00Z"


def when(secs: float | None) -> str | None:
    """A time as Forgejo writes it on a server in UTC, whole seconds; None stays null."""
    return None if secs is None else datetime.fromtimestamp(int(secs), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(forge: "Standin", person: Person, viewer: Person | None = None) -> dict[str, Json]:
    """A user as ``viewer`` sees it (None: a webhook, or nobody signed in: no address, nothing private)."""
    private = viewer is not None and (viewer is person or viewer.is_admin)
    avatar = hashlib.md5(person.email.encode(), usedforsecurity=False).hexdigest()
    return {
        "id": person.id,
        "login": person.login,
        "login_name": "",
        "source_id": 0,
        "full_name": "",
        "email": person.email if viewer else f"{person.login}@noreply.127.0.0.1",
        "avatar_url": f"{forge.url}/avatars/{avatar}",
        "html_url": f"{forge.url}/{person.login}",
        "language": "en-US" if private else "",
        "is_admin": person.is_admin and private,
        "last_login": when(person.created) if private else NEVER,
        "created": when(person.created),
        "restricted": False,
        "active": private,
        "prohibit_login": False,
        "location": "",
        "pronouns": "",
        "website": "",
        "description": "",
        "visibility": "public",
        "followers_count": 0,
        "following_count": 0,
        "starred_repos_count": 0,
        "username": person.login,
    }


def token(forge: "Standin", made: Token, *, secret: bool = False) -> dict[str, Json]:
    """A token; its secret only when it was just made."""
    repositories = None
    if made.repositories is not None:
        found = [forge.repositories[number] for number in made.repositories]
        repositories = [
            {"id": repo.id, "name": repo.name, "owner": repo.owner.login, "full_name": repo.full_name} for repo in found
        ]
    return {
        "id": made.id,
        "name": made.name,
        "sha1": made.secret if secret else "",
        "token_last_eight": made.secret[-8:],
        "scopes": sorted(made.scopes),
        "repositories": repositories,
    }
