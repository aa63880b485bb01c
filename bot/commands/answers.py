"""Answers that several commands give."""

from bot.commands.context import Context
from bot.core import command_text, text


def place_in_queue(ctx: Context) -> str:
    """News worth a comment: somebody is ahead, the fleet is paused, or nobody can take it; "" = none of these."""
    task = ctx.task
    if task is None or not task.claimable:
        return ""
    place = ctx.facts.place(task)
    paused = [x for x in ctx.facts.pauses() if x.agent in ("", task.reserved_for)]
    if paused:
        stop = paused[0]
        scope = command_text.scope(stop.agent, stop.whole_fleet)
        return f"{text.queued(place)} " + command_text.paused_by(
            stop.by, stop.at, stop.reason, stop.url, scope, stop.until
        )
    if not ctx.facts.fitting(task):
        wanted = [*task.requirements, *([task.reserved_for] if task.reserved_for else [])]
        return f"{text.queued(place)} {text.nobody_fits(wanted)}" if wanted else f"{text.queued(place)} {text.nobody()}"
    return text.queued(place) if place > 1 else ""
