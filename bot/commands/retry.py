"""/fleet retry: run a failed, cancelled or finished task again."""

from bot.commands import AgentName, Choice, Context, Outcome, Text, command
from bot.commands.answers import place_in_queue
from bot.commands.context import Again


@command(
    role="write",
    starts=True,
    legal_in=("failed", "cancelled", "done", "review"),
    aliases=("rerun",),
    options={"agent": AgentName(), "fresh": Choice("yes", "no")},
    takes_text=Text.MAY,
    reads_on=True,
    example="/fleet retry fresh=yes please keep the public API as it is",
    nothing="There is nothing to retry",
    offered="`/fleet retry`",
    rank=20,
)
def retry(ctx: Context) -> Outcome:
    """Another attempt on the same branch; `fresh=yes` starts again from the base branch."""
    return Outcome([Again(ctx.option("agent"), ctx.option("fresh").lower() == "yes", ctx.text)], place_in_queue)
