"""Untrusted text made safe for the place it goes to; what it says stays."""

import hashlib
import re
import unicodedata
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BACKTICKS: Final = re.compile(r"`+")
_COMMAND: Final = re.compile(r"^([ \t]*)/(?=fleet\b)", re.IGNORECASE | re.MULTILINE)
_REFERENCE: Final = re.compile(r"([@#!]|/(?:issues|pulls)/)(?=[\w-])")
_TAG: Final = re.compile(r"<(?=[!?/a-zA-Z])")
# CommonMark 0.31, 4.6 and 6.6: one that is not closed hides the rest.
_HIDDEN: Final = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
_MARK: Final = re.compile(r"^([ \t]*)::(?=fleet\b)", re.MULTILINE)
_DEFINITION: Final = re.compile(r"\](?=:)")
_NAME: Final = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_SLUG: Final = re.compile(r"[^a-z0-9]+")


def storable(text: str, limit: int = 1_000_000) -> str:
    """Text that every database takes: no NUL, no lone surrogates, at most ``limit`` characters."""
    return _SURROGATE.sub("\ufffd", text[:limit]).replace("\x00", "\ufffd")


def plain(text: str, limit: int = 1_000_000) -> str:
    """Without escape sequences, control and invisible characters (bidi overrides included); newlines and tabs stay."""
    text = _ANSI.sub("", storable(text, limit)).replace("\r\n", "\n").replace("\r", "\n")
    return _INVISIBLE.sub("", _CONTROL.sub("", text))


def revealed(text: str, limit: int = 1_000_000) -> str:
    """Plain, but what cannot be seen is shown as what it is: ``⟨U+202E⟩``. For people who look at hostile text."""
    text = _ANSI.sub("", storable(text, limit)).replace("\r\n", "\n").replace("\r", "\n")
    return _INVISIBLE.sub(_named, _CONTROL.sub(_named, text))


def _named(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


def readable(text: str, limit: int = 1_000_000) -> str:
    """What a person sees of a text: plain, and without HTML comments (one that is not closed hides the rest).

    What stood around one was seen, and does not become one by its going.
    """
    return _HIDDEN.sub("", plain(text, limit)).replace("<!--", "<! --")


def for_agents(text: str, limit: int = 1_000_000) -> str:
    """What an agent is given of people's words: readable, and no line begins like a mark that adapters look for."""
    return _MARK.sub(r"\1: :", readable(text, limit))


def one_line(text: str, limit: int = 200) -> str:
    """Plain text on one line, shortened with an ellipsis."""
    line = " ".join(plain(text, limit * 8 + 64).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def code(text: str, limit: int = 200) -> str:
    """One line in code marks that the text cannot leave (CommonMark 0.31, 6.1): it mentions and commands nobody."""
    line = one_line(text, limit).replace("<!--", "<\u2060!--")
    longest = max((len(run) for run in _BACKTICKS.findall(line)), default=0)
    if not line:
        return "` `"
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def name(text: str, limit: int = 60) -> str:
    """A login or an agent's id as it is; anything that is not shaped like one in code marks."""
    return text if len(text) <= limit and _NAME.fullmatch(text) else code(text, limit)


def block(text: str, limit: int = 20_000) -> str:
    """A fenced block longer than any run of backticks inside it."""
    body = plain(text, limit)
    longest = max((len(run) for run in _BACKTICKS.findall(body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{body}\n{fence}"


def defanged(text: str, limit: int = 20_000) -> str:
    """An agent's Markdown that can neither mention, reference, close, hide something, nor command.

    A word joiner behind ``@``, ``#``, ``!`` and ``/issues/`` breaks mentions and references (the forge reads an
    issue's whole address as one, too); behind ``<`` it keeps HTML from
    beginning (our markers are HTML comments, and a sanitizer drops what it does not know); between ``]`` and ``:`` a
    link definition, which is never shown; a leading ``/fleet`` becomes text.
    """
    body = _DEFINITION.sub("]\u2060", _TAG.sub("<\u2060", plain(text, limit)))
    return _REFERENCE.sub("\\1\u2060", _COMMAND.sub("\\1\u2060/", body))


def slug(title: str, limit: int = 40) -> str:
    """A branch-name part of ``[a-z0-9-]``; "task" when the title has no letters of that kind."""
    ascii_title = unicodedata.normalize("NFKD", plain(title, 400)).encode("ascii", "ignore").decode()
    return _SLUG.sub("-", ascii_title.lower()).strip("-")[:limit].strip("-") or "task"


def digest(text: str) -> str:
    """SHA-256 of the UTF-8 text, hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
