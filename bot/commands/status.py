"""/fleet status: look at the forge again and put right what it shows."""

from bot.commands import EVERY_STATE, Context, Outcome, command
from bot.commands.context import Refresh
from bot.core import command_text


@command(role="read", legal_in=EVERY_STATE, aliases=("info", "refresh"), example="/fleet status")
def status(ctx: Context) -> Outcome:  # noqa: ARG001 - every command has a context
    """Reads the issue again and puts label, status comment and commit status right."""
    return Outcome([Refresh()], lambda then: command_text.refreshed(then.facts.status_link()), kind="status")
