"""/fleet hold and /fleet unhold: keep this issue out of the queue, and put it back."""

from bot.commands import EVERY_STATE, Context, Outcome, Text, command
from bot.commands.answers import place_in_queue
from bot.commands.context import Hold, Unhold
from bot.core import command_text, view
from bot.core.errors import Refused
from bot.core.states import State
from bot.core.task import Task


@command(
    role="write",
    legal_in=EVERY_STATE,
    takes_text=Text.MAY,
    text_name="REASON",
    example="/fleet hold until the release is out",
)
def hold(ctx: Context) -> Outcome:
    """Keeps this issue out of the queue; what runs goes on."""
    waits = ctx.task is not None and ctx.task.state in (State.QUEUED, State.HELD)
    return Outcome([Hold(ctx.text)], "" if waits else command_text.kept_out())


def _offered(task: Task | None) -> str:
    """Gates and labels are not lifted by it."""
    return "`/fleet unhold`" if task is not None and "manual" in task.holds else ""


@command(
    role="write",
    legal_in=EVERY_STATE,
    example="/fleet unhold",
    offered=_offered,
    offered_in=("held",),
    rank=10,
)
def unhold(ctx: Context) -> Outcome:
    """Puts the issue back into the queue, unless something else keeps it out."""
    manual = "manual" in ctx.facts.holds() or (ctx.task is not None and "manual" in ctx.task.holds)
    if not manual:
        raise Refused(command_text.not_held(ctx.facts.holds()))
    return Outcome([Unhold()], _what_keeps_it)


def _what_keeps_it(ctx: Context) -> str:
    if ctx.task is not None and ctx.task.state is State.HELD:
        return view.held(ctx.task)
    return place_in_queue(ctx)
