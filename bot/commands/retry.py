"""/fleet retry: run a failed, cancelled or finished task again."""

from bot.commands import AgentName, Choice, Context, Outcome, Text, command
from bot.commands.answers import place_in_queue
from bot.commands.context import Again
from bot.core.task import Task


def _offered(task: Task | None) -> str:
    """Not after the merge: that has closed the issue, and nothing starts on a closed one."""
    return "" if task is not None and task.is_merged else "`/fleet retry`"


@command(
    role="write",
    starts=True,
    legal_in=("failed", "cancelled", "done", "review"),
    aliases=("rerun",),
    options={"agent": AgentName(), "fresh": Choice("yes", "no")},
    takes_text=Text.MAY,
    reads_on=True,
    example="/fleet retry fresh=yes please keep the public API as it is",
    nothing="There is nothing to retry",
    offered=_offered,
    rank=20,
)
def retry(ctx: Context) -> Outcome:
    """Another attempt on the same branch; `fresh=yes` starts again from the base branch."""
    return Outcome([Again(ctx.option("agent"), ctx.option("fresh").lower() == "yes", ctx.text)], place_in_queue)
