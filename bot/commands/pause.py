"""/fleet pause and /fleet resume: start nothing new, and start again."""

from bot.commands import EVERY_STATE, AgentName, Context, Outcome, Span, Text, command
from bot.commands.context import Pause, Resume
from bot.commands.registry import span_secs
from bot.core import command_text
from bot.core.errors import Refused


@command(
    role="admin",
    legal_in=EVERY_STATE,
    options={"agent": AgentName(), "for": Span()},
    takes_text=Text.MUST,
    text_name="REASON",
    example="/fleet pause for=2h the disk is full",
)
def pause(ctx: Context) -> Outcome:
    """Starts nothing new in this repository (in the control repository: anywhere); what runs goes on."""
    for stop in ctx.facts.pauses():
        if (stop.agent, stop.whole_fleet, stop.source) == (ctx.option("agent"), ctx.is_control, "command"):
            raise Refused(command_text.already_paused(stop.by, stop.at))
    agent, secs = ctx.option("agent"), span_secs(ctx.option("for")) if ctx.option("for") else 0
    scope = command_text.scope(agent, ctx.is_control)
    until = ctx.now + secs if secs else 0.0
    return Outcome(
        [Pause(agent, secs, ctx.text)],
        lambda then: command_text.paused_now(scope, until, then.facts.running_here()),
    )


@command(
    role="admin",
    legal_in=EVERY_STATE,
    options={"agent": AgentName()},
    example="/fleet resume",
)
def resume(ctx: Context) -> Outcome:
    """Starts again what was paused or halted here."""
    agent = ctx.option("agent")
    stops = [x for x in ctx.facts.pauses() if x.agent == agent and x.whole_fleet == ctx.is_control]
    if not any(x.source == "command" for x in stops):
        raise Refused(command_text.not_paused_by_command(agent, [x.source for x in stops]))
    scope = command_text.scope(agent, ctx.is_control)
    return Outcome([Resume(agent)], lambda then: command_text.resumed(scope, then.facts.ping().queued))
