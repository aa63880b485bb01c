"""An agent's log as lines that a page can hold: nothing hidden, nothing endless."""

import re
from collections.abc import Iterator
from typing import Final

from bot.core import cleaning
from bot.core import task_page_text as text

#: Characters of one line that are shown.
LONGEST: Final = 4000
_LONG: Final = re.compile(rf"([^\n]{{{LONGEST}}})([^\n]+)")


def shortened(log: str) -> str:
    """With what hides made visible, and the ends of endless lines left out."""
    return _LONG.sub(lambda found: f"{found[1]}{text.cut(len(found[2]))}", cleaning.revealed(log, len(log)))


def holding(log: str, words: str) -> Iterator[tuple[int, str]]:
    """The lines that hold ``words``, whatever their case, with their numbers from 1."""
    wanted = words.casefold()
    for number, line in enumerate(log.split("\n"), 1):
        if wanted in line.casefold():
            yield number, shortened(line)
