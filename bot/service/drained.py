"""A pause is complete when what still ran has ended: that is said where the pause was asked for."""

from bot.core import pause_text
from bot.service import answers
from bot.service.fleet import Step
from bot.store import pauses


def report(step: Step) -> None:
    """To be called when an attempt is over."""
    for row in pauses.unreported(step.sql):
        if not pauses.running(step.sql, row.repo_id, row.agent):
            pauses.reported(step.sql, row)
            answers.add_line(step, row.reply, pause_text.drained(step.now))
