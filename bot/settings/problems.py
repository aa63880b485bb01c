"""What is wrong with the settings, in plain words, all of it at once."""

from dataclasses import dataclass
from pathlib import Path

from bot.core import operator_text as text


@dataclass(frozen=True)
class Problem:
    """One setting that cannot be used: its dotted ``key``, why, what to do, and where the value came from."""

    key: str
    reason: str
    fix: str = ""
    source: str = ""

    def __str__(self) -> str:
        return text.problem_line(self.key, self.source, self.reason, self.fix)


@dataclass(eq=False)  # not frozen: contextlib sets ``__traceback__``
class SettingsError(Exception):
    """The settings are refused; nothing was started. ``problems`` is never empty."""

    problems: tuple[Problem, ...]
    files_read: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return "\n".join([text.settings_refused(len(self.problems)), *map(str, self.problems)])
