"""/fleet logs: what the agent has printed."""

from bot.commands import Context, Number, Outcome, command
from bot.core import listing_text
from bot.core.errors import Refused
from bot.core.states import State


@command(
    role="write",
    legal_in=[s.value for s in State],
    options={"lines": Number(1, 200), "attempt": Number(1, 1_000_000)},
    needs_attempt=True,
    example="/fleet logs lines=100",
    nothing="There is no log",
    offered="`/fleet logs`",
)
def logs(ctx: Context) -> Outcome:
    """Shows the end of the agent's log, 50 lines unless you say otherwise; secrets are masked."""
    lines, attempt = int(ctx.option("lines") or 50), int(ctx.option("attempt") or ctx.the_task.fence)
    if attempt > ctx.the_task.fence:
        raise Refused(listing_text.no_such_attempt(attempt, ctx.the_task.fence))
    tail = ctx.facts.log_tail(ctx.the_task, attempt, lines)
    return Outcome(says=listing_text.log_tail(attempt, len(tail.splitlines()), tail), kind="logs")
