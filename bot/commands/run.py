"""/fleet run: make a task of this issue and queue it."""

from bot.commands import NO_TASK, AgentName, Branch, Choice, Context, Outcome, Text, command
from bot.commands.answers import place_in_queue
from bot.commands.context import Change, Deed, Release, Start
from bot.core import command_text
from bot.core.states import FINAL, State

PRIORITY = Choice("low", "normal", "high")


@command(
    role="write",
    starts=True,
    asks=True,
    aliases=("start",),
    legal_in=(NO_TASK, "requested", *(s.value for s in FINAL)),
    options={"agent": AgentName(), "priority": PRIORITY, "base": Branch()},
    takes_text=Text.MAY,
    reads_on=True,
    example="/fleet run priority=high please keep the public API as it is",
    nothing="There is nothing to start",
    offered="`/fleet run`",
    offered_in=(NO_TASK,),
    rank=20,
)
def run(ctx: Context) -> Outcome:
    """Makes a task of this issue and queues it; the text goes to the agent with the issue."""
    requested = ctx.task is not None and ctx.task.state is State.REQUESTED
    if not ctx.right.may_write:
        return Outcome([] if requested else [_start(ctx)], command_text.request())
    if not requested:
        return Outcome([_start(ctx)], _what_became_of_it)
    deeds: list[Deed] = [Release(ctx.text)]
    if ctx.option("agent") or ctx.option("priority"):
        deeds.append(Change(ctx.option("priority").lower(), ctx.option("agent")))
    return Outcome(deeds, place_in_queue)


def _what_became_of_it(ctx: Context) -> str:
    if ctx.task is not None and ctx.task.state is State.REQUESTED:
        return command_text.changed_before_approval()
    return place_in_queue(ctx)


def _start(ctx: Context) -> Start:
    return Start(ctx.option("agent"), ctx.option("priority").lower(), ctx.option("base"), ctx.text)
