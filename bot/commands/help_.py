"""/fleet help: what you may do here and now."""

from bot.commands import EVERY_STATE, Context, Outcome, Text, command
from bot.commands.check import nearest
from bot.commands.registry import by_word, commands
from bot.core import command_text, listing_text
from bot.core.errors import Refused


@command(
    name="help",
    role="read",
    legal_in=EVERY_STATE,
    takes_text=Text.MAY,
    text_name="COMMAND",
    example="/fleet help retry",
)
def help_(ctx: Context) -> Outcome:
    """Shows the commands you may use here and now; with a name: usage, rights and an example."""
    wanted = ctx.text.strip().lower().removeprefix("/fleet").strip()
    one = by_word().get(wanted) if wanted else None
    if wanted and one is None:
        raise Refused(command_text.unknown(wanted, nearest(wanted, [*by_word()])))
    if one is not None:
        legal = listing_text.states([x for x in EVERY_STATE if x in one.legal_in], set(EVERY_STATE) == one.legal_in)
        said = listing_text.help_one(one.usage, one.purpose, one.role, legal, one.aliases, one.example)
        return Outcome(says=said, kind=f"help {one.name}")
    usable = [x for x in commands().values() if (x.may(ctx.right) or x.asks) and x.legal(ctx.task)]
    rows = [(x.usage, x.purpose) for x in usable]
    return Outcome(says=listing_text.help_table(rows, len(commands()) - len(usable)), kind="help")
