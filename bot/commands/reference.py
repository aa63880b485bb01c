"""docs/reference/commands.md, written from what the commands declare."""

from bot.commands.registry import EVERY_STATE, Command, commands
from bot.core import listing_text

_HEAD = """\
# Slash-commands

<!-- Generated from bot/commands by `agent-fleet docs build`; change the code, not this page. -->

A line that starts with `/fleet` is a command, unless it is inside a code block, a quotation or an HTML comment:

    /fleet VERB [name=value …] [TEXT]

Options come before the text; a value with blanks stands in quotation marks. Several commands may stand in one comment
(at most 10); all of them are checked before the first one runs, and if one is wrong, none runs. Comments on an issue
and on its pull request count, and the text of a new issue or pull request; edits and reviews do not, and are told so.

What counts is what the forge says of your rights at that moment. 👀 on your comment means that it was done, 😕 that it
was not; then there is an answer that says why. `/fleet help` shows what you may do here and now.
Labels do the same: [labels](labels.md).

| Command | Rights | Legal |
|---|---|---|
"""


def reference_page() -> str:
    """The text of the page."""
    found = list(commands().values())
    rows = [f"| [`{x.name}`](#{x.name}) | {_rights(x)} | {_legal(x)} |" for x in found]
    return "\n".join([_HEAD + "\n".join(rows), "", *(_section(x) for x in found)])


def _section(command: Command) -> str:
    also = f"\n\nAlso called {', '.join(f'`{x}`' for x in command.aliases)}." if command.aliases else ""
    return (
        f"## {command.name}\n\n    {command.usage}\n\n{command.purpose}{also}\n\n"
        f"Needs {_rights(command)}. Legal: {_legal(command)}. Example:\n\n    {command.example}\n"
    )


def _rights(command: Command) -> str:
    return f"{command.role} (with read it becomes a request)" if command.asks else command.role


def _legal(command: Command) -> str:
    return listing_text.states([x for x in EVERY_STATE if x in command.legal_in], set(EVERY_STATE) == command.legal_in)
