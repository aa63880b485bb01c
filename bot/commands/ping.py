"""/fleet ping: is anybody there?"""

from bot.commands import EVERY_STATE, Context, Outcome, command
from bot.core import listing_text


@command(role="read", legal_in=EVERY_STATE, example="/fleet ping")
def ping(ctx: Context) -> Outcome:
    """Shows the version, the length of the queue, and when the forge was last heard of."""
    found = ctx.facts.ping()
    said = listing_text.pong(found.version, found.queued, found.last_webhook, found.last_sweep, ctx.now)
    return Outcome(says=said, kind="ping")
