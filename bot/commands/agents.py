"""/fleet agents: who could work."""

from bot.commands import EVERY_STATE, Context, Outcome, command
from bot.core import cleaning, listing_text, text


@command(role="read", legal_in=EVERY_STATE, example="/fleet agents")
def agents(ctx: Context) -> Outcome:
    """Shows the agents: which are alive, what they run, how many more they would take."""
    rows = [
        (
            cleaning.code(x.id, 60),
            cleaning.code(x.agent_type, 60),
            x.status,
            f"{x.running} of {x.slots}",
            text.clock(x.last_seen),
        )
        for x in ctx.facts.agents(None)
    ]
    return Outcome(says=listing_text.agent_table(rows), kind="agents")
