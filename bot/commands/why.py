"""/fleet why: what keeps this task from starting."""

from bot.commands import EVERY_STATE, Context, Outcome, command
from bot.core import why_text


@command(role="read", legal_in=EVERY_STATE, example="/fleet why")
def why(ctx: Context) -> Outcome:
    """Says which requirement each agent fails for this task, and the smallest change that would let it start."""
    if ctx.task is None or not ctx.task.claimable:
        return Outcome(says=why_text.not_in_queue(ctx.task), kind="why")
    stops = ctx.facts.pauses()
    return Outcome(
        says=why_text.explained(ctx.task, ctx.facts.agents(ctx.task), stops, ctx.facts.place(ctx.task)),
        kind="why",
    )
