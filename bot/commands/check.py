"""From what was typed to a command with its arguments, or to what is wrong with it."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.commands.grammar import Written
from bot.commands.registry import Command, Text, by_word, commands
from bot.core import command_text as text

#: More commands in one comment than this are refused.
MOST: Final = 10
_CUTOFF: Final = 0.6
#: As on a command line: not our grammar, and not meant as text for an agent.
_DASHED: Final = re.compile(r"--([A-Za-z]+)(?:[ =]|\Z)")


@dataclass(frozen=True)
class Ready:
    """A command with its arguments, as far as they can be judged without looking anything up."""

    line: int
    command: Command
    options: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a line. ``of_option``: it is said with the line's number, whatever else there is."""

    line: int
    said: str
    of_option: bool = False


def check(written: Written, known_agents: Sequence[str] = ()) -> Ready | Wrong:
    """Never guesses: what is not exactly right is refused, with what would be."""
    command = by_word().get(written.verb)
    if command is None:
        return Wrong(written.line, text.unknown(written.verb, nearest(written.verb, [*by_word()])))
    if not command.options:
        return _with_text(command, written, {}, written.rest)
    if written.unclosed:
        return Wrong(written.line, text.unclosed(written.unclosed), of_option=True)
    options: dict[str, str] = {}
    for name, value in written.options:
        said = _option(command, options, name, value, known_agents)
        if said:
            return Wrong(written.line, said, of_option=True)
        options[name] = value
    dashed = _DASHED.match(written.text)
    if dashed and dashed[1].lower() in command.options:
        return Wrong(written.line, text.dashes(dashed[1].lower()), of_option=True)
    alone = command.options.get(written.text.lower())
    if alone is not None and command.takes_text is not Text.NONE and not written.below:
        return Wrong(written.line, text.lone_option(written.text, alone.shown.partition("|")[0]), of_option=True)
    return _with_text(command, written, options, written.text)


def nearest(word: str, known: Sequence[str]) -> list[str]:
    """Names that ``word`` may have been meant for, the likeliest first; aliases lead to their command."""
    found = difflib.get_close_matches(word[:60], [x for x in known if x], n=3, cutoff=_CUTOFF)
    return list(dict.fromkeys(by_word()[x].name if x in by_word() else x for x in found))[:1]


def _option(command: Command, given: Mapping[str, str], name: str, value: str, known_agents: Sequence[str]) -> str:
    kind = command.options.get(name)
    if kind is None:
        usable = list(command.options)
        return text.bad_option(name, usable, difflib.get_close_matches(name, usable, n=1, cutoff=_CUTOFF))
    if name in given:
        return text.option_twice(name)
    use = kind.wrong(value, known_agents)
    return text.bad_value(name, value, use) if use else ""


def _with_text(command: Command, written: Written, options: Mapping[str, str], on_line: str) -> Ready | Wrong:
    if command.takes_text is Text.NONE:
        if on_line:
            instead = "/fleet say …" if "say" in commands() else ""
            return Wrong(written.line, text.takes_no_text(command.name, instead, list(command.options)))
        return Ready(written.line, command, options, "")
    said = f"{on_line}\n{written.below}".strip() if command.reads_on else on_line
    if command.takes_text is Text.MUST and not said:
        return Wrong(written.line, text.needs_text(command.name, command.text_name, command.example))
    return Ready(written.line, command, options, said)
