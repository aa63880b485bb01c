"""What the agent itself says: its messages, and the marks that a line of them may hold.

A line of its own, in any message::

    ::fleet progress TEXT     what it is doing now
    ::fleet check [ ] TEXT    an item of its checklist; [x] when it is done

and in the last message::

    ::fleet question TEXT     it needs an answer before it can go on; several add up
    ::fleet no-change WHY     nothing has to be changed, and why

No dialect tells a question from an answer: a run that ends with "shall I use A or B?" is an ordinary success
in every one of them. Hence the marks, the same ones that ``exec`` has.
"""

import re
from collections.abc import Iterator
from typing import Final

from bot.adapters.base import Check, Progress, Question, Said, Verdict
from bot.core import cleaning

_MARK: Final = re.compile(r"::fleet (progress|check|question|no-change|summary)(?: (.*))?")
_CHECK: Final = re.compile(r"\[([ xX])\] *(.+)")
_LONGEST: Final = 16_000
_SHORT: Final = 200


def doing(tool: str, detail: str) -> Progress:
    """A tool that is being used now."""
    return Progress(cleaning.one_line(f"{tool}: {detail}" if detail else tool, _SHORT))


class Words:
    """The agent's last message and what it means."""

    def __init__(self) -> None:
        self.message = ""
        self._questions: list[str] = []
        self._no_change = ""
        self._parts: list[str] = []
        self._room = _LONGEST

    def part(self, text: str) -> None:
        """A piece of a message that is not complete yet."""
        if self._room > 0:
            self._parts.append(text[: self._room])
            self._room -= len(text)

    def complete(self) -> Iterator[Said]:
        """The pieces were a message."""
        pieces = "".join(self._parts)
        self._parts, self._room = [], _LONGEST
        if pieces.strip():
            yield from self.hear(pieces)

    def hear(self, message: str) -> Iterator[Said]:
        """One whole message; it takes the place of the one before it."""
        self._questions, self._no_change = [], ""
        plain = []
        for line in cleaning.plain(message, _LONGEST).split("\n"):
            mark = _MARK.fullmatch(line.strip())
            if mark is None:
                plain.append(line)
            else:
                yield from self._marked(mark[1], (mark[2] or "").strip(), plain)
        self.message = "\n".join(plain).strip()
        if self.message:
            yield Progress(cleaning.one_line(self.message.split("\n")[0], _SHORT))

    def _marked(self, mark: str, words: str, plain: list[str]) -> Iterator[Said]:
        match mark:
            case "progress" if words:
                yield Progress(cleaning.one_line(words, _SHORT))
            case "check" if item := _CHECK.fullmatch(words):
                yield Check(item[2], item[1] != " ")
            case "question" if words:
                self._questions.append(words)
                yield Question(words)
            case "no-change":
                self._no_change = words or mark
            case "summary" if words:
                plain.append(words)

    def verdict(self) -> tuple[Verdict, str]:
        """What a run that ended well came to, going by the last message."""
        if self._questions:
            return Verdict.QUESTION, "\n".join(self._questions)
        if self._no_change:
            return Verdict.NO_CHANGE, self._no_change
        return Verdict.DONE, self.message
