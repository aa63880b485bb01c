"""/fleet cancel: stop the attempt, or leave the queue."""

from bot.commands import NOT_FINAL, Context, Outcome, Text, command
from bot.commands.context import Stop


@command(
    role="write",
    legal_in=NOT_FINAL,
    aliases=("stop", "abort"),
    takes_text=Text.MAY,
    text_name="REASON",
    example="/fleet cancel done by hand",
    nothing="There is nothing to cancel",
    offered="`/fleet cancel`",
    rank=40,
)
def cancel(ctx: Context) -> Outcome:
    """Stops the attempt, or takes the task out of the queue."""
    return Outcome([Stop(ctx.text)])
