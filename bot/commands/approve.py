"""/fleet approve: let a request run, or what waits at a gate go on."""

from bot.commands import Commit, Context, Outcome, command
from bot.commands.answers import place_in_queue
from bot.commands.context import Release
from bot.core.gate_text import approve_with
from bot.core.task import Task


def _offered(task: Task | None) -> str:
    return f"`{approve_with(task.kept_sha if task else '')}`"


@command(
    role="write",
    starts=True,
    legal_in=("requested", "held"),
    options={"commit": Commit()},
    needs_hold=("gate",),
    example="/fleet approve",
    nothing="There is nothing to approve",
    offered=_offered,
    rank=10,
)
def approve(ctx: Context) -> Outcome:
    """Releases a request, or a task that waits for approval, exactly as it stands now; what changes needs it again."""
    return Outcome([Release(commit=ctx.option("commit"))], place_in_queue)
