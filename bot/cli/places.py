"""What `setup` and `unsetup` are about: a repository, or an organisation."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from bot.core import setup_text as text
from bot.core.errors import Refused

Command = TypeVar("Command", bound=Callable[..., Any])
_ORG: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


def org_option(command: Command) -> Command:
    """``--org NAME``; passes ``org: str | None``."""
    return click.option("--org", metavar="NAME", help="An organisation: all its repositories at once.")(command)


def chosen_place(repository: str | None, org: str | None) -> str:
    """The one that was named. Raises Refused when it is none, both, or no such name."""
    if (repository is None) == (org is None):
        raise click.UsageError(text.repository_or_org())
    if org is not None:
        if not _ORG.fullmatch(org) or org in (".", ".."):
            raise Refused(text.bad_org(org), text.name_an_org())
        return org
    if repository is None or repository.count("/") != 1 or not all(repository.split("/")):
        raise Refused(text.not_a_repository(repository or ""), text.name_it_so())
    return repository
