"""Slash-commands: one file each, with all that is particular to it. They decide; `bot/service` does.

What a command declares (role, legal states, options) is checked in one place before it runs; help, the reference, the
line "Now possible" and the test over all roles and states are made from the same declarations.
"""

from bot.commands.context import Context, Outcome
from bot.commands.registry import (
    EVERY_STATE,
    NO_TASK,
    NOT_FINAL,
    AgentName,
    Branch,
    Choice,
    Command,
    Commit,
    Number,
    Span,
    Text,
    command,
    commands,
    possible,
)

__all__ = [
    "EVERY_STATE",
    "NOT_FINAL",
    "NO_TASK",
    "AgentName",
    "Branch",
    "Choice",
    "Command",
    "Commit",
    "Context",
    "Number",
    "Outcome",
    "Span",
    "Text",
    "command",
    "commands",
    "possible",
]
