"""What went wrong, as lines a person can act on: what, why, what to do. Bugs keep their traceback."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final

import click
from rich.console import Console
from rich.text import Text

from bot.core import operator_text as text
from bot.core.errors import Refused, Unavailable
from bot.settings import SettingsError

#: The machine's no, which is nobody's bug.
_NOT_ALLOWED: Final = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


class Failure(click.ClickException):
    """Printed to stderr; ends the process with 1."""

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)

    def show(self, file: IO[Any] | None = None) -> None:
        # rich keeps colours from pipes and obeys NO_COLOR; soft_wrap leaves long lines to the terminal
        console = Console(stderr=True, file=file, highlight=False, soft_wrap=True)
        console.print(Text(text.failed(self.message), style="bold red"))
        for line in self.details:
            console.print(Text(line))


class WrongSettings(Failure):
    """Ends the process with 2, as wrong usage does."""

    exit_code = 2


@contextmanager
def translated() -> Iterator[None]:
    """The ways in which a command does not happen, made printable; everything else passes."""
    try:
        yield
    except SettingsError as error:
        lines = [f"  {problem}" for problem in error.problems]
        raise WrongSettings(text.settings_refused(len(error.problems)), lines) from error
    except (Refused, Unavailable) as error:
        raise _failure(error) from error
    except OSError as error:
        if error.errno not in _NOT_ALLOWED:
            raise
        said = text.not_possible_here(str(error.filename or ""), error.strerror or str(error))
        raise Failure(said, [text.what_to_do(text.check_rights_and_disk())]) from error
    except Exception as error:
        told = _of_the_database(error)
        if told is None:
            raise
        raise _failure(told) from error


def _failure(error: Refused | Unavailable) -> Failure:
    if isinstance(error, Unavailable):
        return Failure(error.what, [text.what_to_do(text.try_again(error.retry_after))])
    return Failure(error.reason, [text.what_to_do(error.fix)] if error.fix else [])


def _of_the_database(error: Exception) -> Refused | Unavailable | None:
    if type(error).__module__ not in ("peewee", "sqlite3"):
        return None  # without loading the store for a command that has not touched it
    from bot.store.trouble import explained

    return explained(error)
