"""/fleet approve: let a request run."""

from bot.commands import Context, Outcome, command
from bot.commands.answers import place_in_queue
from bot.commands.context import Release


@command(
    role="write",
    starts=True,
    legal_in=("requested", "held"),
    needs_hold=("gate",),
    example="/fleet approve",
    nothing="There is nothing to approve",
    offered="`/fleet approve`",
    rank=10,
)
def approve(ctx: Context) -> Outcome:  # noqa: ARG001 - every command has a context
    """Releases a request, exactly as its text stands now; changing the text afterwards takes the approval back."""
    return Outcome([Release()], place_in_queue)
