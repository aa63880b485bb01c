"""/fleet pause and /fleet resume: start nothing new, and start again."""

from bot.commands import EVERY_STATE, AgentName, Context, Outcome, Span, Text, command
from bot.commands.context import Pause, Resume
from bot.commands.registry import span_secs
from bot.core import matching, pause_text
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
    agent = matching.full_name(ctx.option("agent"))
    for stop in ctx.facts.pauses():
        if (stop.agent, stop.whole_fleet, stop.source) == (agent, ctx.is_control, "command"):
            raise Refused(pause_text.already_paused(stop.by, stop.at, agent))
    secs = span_secs(ctx.option("for")) if ctx.option("for") else 0
    scope = pause_text.scope(agent, ctx.is_control)
    until = ctx.now + secs if secs else 0.0
    return Outcome(
        [Pause(agent, secs, ctx.text)],
        lambda then: pause_text.paused_now(scope, until, then.facts.running_here(agent), agent),
    )


@command(
    role="admin",
    legal_in=EVERY_STATE,
    options={"agent": AgentName()},
    example="/fleet resume",
)
def resume(ctx: Context) -> Outcome:
    """Starts again what was paused or halted here."""
    agent = matching.full_name(ctx.option("agent"))
    here = [x for x in ctx.facts.pauses() if x.whole_fleet == ctx.is_control]
    sources = [x.source for x in here if x.agent == agent]
    if "command" not in sources:
        whole_fleet = not ctx.is_control and any(x.whole_fleet and x.agent == agent for x in ctx.facts.pauses())
        raise Refused(pause_text.not_paused_by_command(agent, sources, [x.agent for x in here if x.agent], whole_fleet))
    scope = pause_text.scope(agent, ctx.is_control)
    return Outcome([Resume(agent)], lambda then: pause_text.resumed(scope, then.facts.ping().queued))
