"""When a task ends, the time that its agents took is written on its issue, where the forge tracks time: once."""

from collections.abc import Sequence

from bot.core import text
from bot.core.errors import Refused
from bot.core.recorded import Recorded
from bot.core.task import Task, apply
from bot.service import policies
from bot.service.fleet import Fleet, Step, ref
from bot.service.wishes import Known, NotWanted
from bot.store import attempts, log, outbox
from bot.store.outbox import Wish


def ask_for(step: Step, task: Task) -> None:
    """For a task that has just ended: all attempts since it ended the last time."""
    own = policies.of(step.sql, task.repo_id).track_time
    if not (step.fleet.settings.orchestrator.track_time if own is None else own):
        return
    told = _told_up_to(log.of_task(step.sql, task.id))
    runs = [x for x in attempts.of_task(step.sql, task.id) if x.fence > told]
    secs = round(sum(max(0.0, x.ended_at - x.claimed_at) for x in runs if x.ended_at))
    if secs:
        wish = {"repo_id": task.repo_id, "issue": task.issue, "secs": secs, "at": int(step.now)}
        outbox.wish(step.sql, f"time:{task.id}:{task.fence}", "time", task.id, wish, at=step.now)


def write(fleet: Fleet, wish: Wish) -> Known:
    """A forge that does not want it changes nothing about the task."""
    repo, said = fleet.repo(wish.wish["repo_id"]), wish.wish
    try:
        written = fleet.forge.issues.track_time(ref(repo), said["issue"], said["secs"], said["at"])
    except Refused as refusal:
        raise NotWanted(str(refusal)) from refusal
    if not written:
        raise NotWanted(text.no_time_tracking())
    return {"secs": said["secs"]}


def _told_up_to(history: Sequence[Recorded]) -> int:
    """The newest attempt when the task ended before; its last event is the end that it comes to now."""
    task: Task | None = None
    told = 0
    for one in history[:-1]:
        task = apply(task, one.task_id, one.event, one.at, one.n)
        told = task.fence if task.state.final else told
    return told
