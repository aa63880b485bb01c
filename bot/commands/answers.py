"""Answers that several commands give."""

from bot.commands.context import Context
from bot.core import matching, pause_text, text


def place_in_queue(ctx: Context) -> str:
    """News worth a comment: somebody is ahead, the fleet is paused, or nobody can take it; "" = none of these."""
    task = ctx.task
    if task is None or not task.claimable:
        return ""
    place = ctx.facts.place(task)
    for stop in ctx.facts.pauses():
        if stop.agent in ("", matching.full_name(task.reserved_for)):
            return f"{text.queued(place)} {pause_text.paused_by(stop)}"
    if not ctx.facts.fitting(task):
        return f"{text.queued(place)} {text.nobody_fits(task.requirements, task.reserved_for)}"
    return text.queued(place) if place > 1 else ""
