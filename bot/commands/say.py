"""/fleet say: words for the agent."""

from bot.commands import Context, Outcome, Text, command
from bot.commands.answers import place_in_queue
from bot.commands.context import Tell
from bot.core import command_text
from bot.core.states import State


@command(
    role="write",
    legal_in=("assigned", "running", "waiting"),
    aliases=("answer",),
    takes_text=Text.MUST,
    reads_on=True,
    example="/fleet say use the staging database",
    nothing="There is nobody to tell",
    offered="`/fleet say …`",
    rank=10,
)
def say(ctx: Context) -> Outcome:
    """Passes the text to the agent; when it has asked something, this is the answer."""
    if ctx.the_task.state is State.WAITING:
        return Outcome([Tell(ctx.text)], place_in_queue)
    return Outcome([Tell(ctx.text)], command_text.told(ctx.the_task.agent))
