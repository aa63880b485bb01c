"""What counts as a command in a comment: a line that starts with ``/fleet``, outside code blocks and HTML comments.

Pure and linear in the length of the text, whatever is in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: Longer texts are read up to here, in characters.
MAX_TEXT: Final = 64 * 1024

_COMMAND: Final = re.compile(r" {0,3}/fleet(?:[ \t\u00a0]+(.*))?\Z", re.IGNORECASE)
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)\Z")
_VERB: Final = re.compile(r"(\S+)[ \t\u00a0]*(.*)\Z", re.DOTALL)
_NAME: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,30})=")
_OPENING: Final = '"“”„«»'
_CLOSING: Final = re.compile('["“”„«»]')
_WORD: Final = re.compile(r"[^ \t\u00a0]*")
_BLANK: Final = " \t\u00a0"


@dataclass(frozen=True)
class Written:
    """One command as it was typed. ``line`` counts from 1; ``verb`` is lower case, "" for ``/fleet`` alone.

    ``rest`` is everything behind the verb; ``options`` and ``text`` are that taken apart. ``below`` are the lines up to
    the next command. ``unclosed`` names an option whose quotation mark has no partner, "" for none.
    """

    line: int
    verb: str
    rest: str = ""
    options: tuple[tuple[str, str], ...] = ()
    text: str = ""
    below: str = ""
    unclosed: str = ""

    @property
    def whole_text(self) -> str:
        """The text of the line and the lines below it."""
        return f"{self.text}\n{self.below}".strip()


def parse(text: str) -> list[Written]:
    """Every command of a comment, in order. Never fails."""
    lines = text[:MAX_TEXT].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = list(_command_lines(lines))
    ends = [*(number for number, _ in found[1:]), *([len(lines)] if found else [])]
    return [
        _written(number, rest, "\n".join(lines[number + 1 : end]).strip("\n"))
        for (number, rest), end in zip(found, ends, strict=True)
    ]


def has_commands(text: str) -> bool:
    """Whether ``parse`` would find any."""
    return "/fleet" in text[:MAX_TEXT].lower() and bool(parse(text))


def without_commands(text: str) -> str:
    """The text without its command lines: what is left for somebody who does not obey them."""
    lines = text[:MAX_TEXT].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    commands = {number for number, _ in _command_lines(lines)}
    return "\n".join(line for number, line in enumerate(lines) if number not in commands)


def added(before: str, after: str) -> bool:
    """Whether an edit brought a command line that was not there."""
    old = {(x.verb, x.rest) for x in parse(before)}
    return any((x.verb, x.rest) not in old for x in parse(after))


def _command_lines(lines: list[str]) -> Iterator[tuple[int, str]]:
    """(index, what stands behind ``/fleet``) of each command line."""
    fence, hidden = "", False
    for number, line in enumerate(lines):
        if fence:
            fence = "" if _closes(line, fence) else fence
            continue
        was_hidden = hidden
        shown, hidden = _without_comments(line, hidden)
        if was_hidden:
            continue  # what follows the end of a comment does not stand at the start of its line
        opening = _FENCE.match(shown)
        if opening and not (opening[1][0] == "`" and "`" in opening[2]):
            fence = opening[1]
            continue
        command = _COMMAND.match(shown)
        if command:
            yield number, command[1] or ""


def _closes(line: str, fence: str) -> bool:
    bare = line.strip(_BLANK)
    indent = len(line) - len(line.lstrip(" "))
    return indent <= 3 and len(bare) >= len(fence) and not bare.strip(fence[0])


def _without_comments(line: str, hidden: bool) -> tuple[str, bool]:
    """The line without its HTML comments, and whether one is still open at its end."""
    shown: list[str] = []
    at = ticks = 0
    while True:
        if hidden:
            end = line.find("-->", at)
            if end < 0:
                return "".join(shown), True
            at, hidden = end + 3, False
        start = line.find("<!--", at)
        if start < 0:
            return "".join([*shown, line[at:]]), False
        ticks += line.count("`", at, start)
        if ticks % 2:  # in code marks: it is shown, and hides nothing
            shown.append(line[at : start + 4])
            at = start + 4
            continue
        shown.append(line[at:start])
        at, hidden = start + 4, True


def _written(index: int, behind: str, below: str) -> Written:
    match = _VERB.match(behind)
    if match is None:
        return Written(index + 1, "", below=below)
    rest = match[2].strip(_BLANK)
    options, text, unclosed = _options(rest)
    return Written(index + 1, match[1].lower(), rest, options, text, below, unclosed)


def _options(rest: str) -> tuple[tuple[tuple[str, str], ...], str, str]:
    """Options come before the text; the first word that is none begins it."""
    found: list[tuple[str, str]] = []
    at = 0
    while match := _NAME.match(rest, at):
        name, begin = match[1].lower(), match.end()
        if rest[begin : begin + 1] and rest[begin] in _OPENING:
            end = _CLOSING.search(rest, begin + 1)
            if end is None:
                return tuple(found), "", name
            value, at = rest[begin + 1 : end.start()], end.end()
            if rest[at : at + 1] and rest[at] not in _BLANK:
                return tuple(found), "", name
        else:
            word = _WORD.match(rest, begin)
            value, at = (word[0], word.end()) if word else ("", begin)
        found.append((name, value))
        while at < len(rest) and rest[at] in _BLANK:
            at += 1
    return tuple(found), rest[at:], ""
