"""/fleet queue: what runs and what waits."""

from bot.commands import EVERY_STATE, Context, Outcome, command
from bot.core import listing_text, pause_text


@command(role="read", legal_in=EVERY_STATE, example="/fleet queue")
def queue(ctx: Context) -> Outcome:
    """Shows what runs and what waits in which place; other repositories only as numbers."""
    found = ctx.facts.queue()
    stops = [pause_text.paused_by(x) for x in ctx.facts.pauses()]
    said = listing_text.queue_lists(
        [f"#{n} {shown}".rstrip() for n, shown in found.running],
        [f"#{n} {shown}".rstrip() for n, shown in found.waiting],
        (found.running_elsewhere, found.waiting_elsewhere),
        stops,
    )
    return Outcome(says=said, kind="queue")
