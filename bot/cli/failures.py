"""What went wrong, as lines a person can act on: what, why, what to do. Bugs keep their traceback."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import click
from rich.console import Console
from rich.text import Text

from bot.core import operator_text as text
from bot.core.errors import Refused, Unavailable
from bot.settings import SettingsError


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
    """The three ways in which a command does not happen, made printable; everything else passes."""
    try:
        yield
    except SettingsError as error:
        lines = [f"  {problem}" for problem in error.problems]
        raise WrongSettings(text.settings_refused(len(error.problems)), lines) from error
    except Refused as error:
        raise Failure(error.reason, [text.what_to_do(error.fix)] if error.fix else []) from error
    except Unavailable as error:
        raise Failure(error.what, [text.what_to_do(text.try_again(error.retry_after))]) from error
