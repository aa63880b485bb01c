"""/fleet halt: stop everything, now."""

from bot.commands import EVERY_STATE, Context, Outcome, Text, command
from bot.commands.context import Pause
from bot.core import pause_text


@command(
    role="admin",
    legal_in=EVERY_STATE,
    takes_text=Text.MUST,
    text_name="REASON",
    example="/fleet halt an agent pushes nonsense",
)
def halt(ctx: Context) -> Outcome:
    """Pauses and cancels everything that runs here (in the control repository: anywhere), in one gesture."""
    running, scope = ctx.facts.running_here(), pause_text.scope("", ctx.is_control)
    return Outcome([Pause("", 0, ctx.text, halt=True)], pause_text.halted(scope, running))
