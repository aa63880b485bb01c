"""/fleet set: change a task that has not started."""

from bot.commands import AgentName, Choice, Context, Outcome, command
from bot.commands.answers import place_in_queue
from bot.commands.context import Change


@command(
    name="set",
    role="write",
    legal_in=("requested", "queued", "held"),
    options={"priority": Choice("low", "normal", "high"), "agent": AgentName()},
    example="/fleet set priority=high agent=codex",
    nothing="There is nothing to change",
    offered="`/fleet set …`",
    rank=30,
)
def set_(ctx: Context) -> Outcome:
    """Changes the priority of a task that has not started, or which agent is to take it."""
    return Outcome([Change(ctx.option("priority").lower(), ctx.option("agent"))], place_in_queue)
