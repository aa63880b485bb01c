"""Around an attempt that reworks a pull request: what kind it is, what its agent is told, answers in threads."""

from collections.abc import Sequence

from bot.core import events as e
from bot.core import feedback_text as text
from bot.core import view
from bot.core.events import Event
from bot.core.recorded import Recorded
from bot.core.rework import REVIEW
from bot.core.task import Task
from bot.service.fleet import Step
from bot.store import Sql, attempts, bodies, log, outbox

KIND = "rework"


def kind_of(task: Task) -> str:
    """What kind of attempt the next one is: first, retry, resume (after an answer) or rework."""
    if task.feedback.working_on:
        return KIND
    return "first" if task.fence == 0 else "resume" if task.resuming else "retry"


def news(sql: Sql, history: Sequence[Recorded]) -> tuple[str, str]:
    """(reason, text) of what is new about the pull request since its agent's last result; twice "" for nothing."""
    why, parts = "", list[str]()
    for one in reversed(history):
        match one.event:
            case e.ReworkRequested() | e.Escalated() as told:
                why = why or told.why
                parts.append(bodies.get(sql, told.news_sha256))
            case e.ReviewsWait() as more:
                why = why or REVIEW
                parts.append(bodies.get(sql, more.news_sha256))
            case e.ResultAccepted() | e.NothingToRework():
                break
    return why, "\n\n".join(reversed(parts))


def answer_threads(step: Step, task: Task, event: Event) -> None:
    """Once the rework is published, or declined: one answer in each thread that asked for it."""
    attempt = attempts.get(step.sql, task.id, task.fence)
    if attempt is None or attempt.kind != KIND or not task.pull_request:
        return
    asked = [x.event for x in log.of_task(step.sql, task.id) if isinstance(x.event, e.ReworkRequested)]
    if not asked or not asked[-1].reviews:
        return
    said = (
        text.thread_declined(task.fence, event.explanation)
        if isinstance(event, e.NothingToRework)
        else text.thread_reworked(task.fence, task.head_sha)
    )
    wish = {
        "repo_id": task.repo_id,
        "number": task.pull_request,
        "reviews": list(asked[-1].reviews),
        "body": said,
        "marker": view.marker(f"rework-{task.generation}-{task.fence}", task.repo_id, task.pull_request),
    }
    outbox.wish(step.sql, f"threads:{task.id}:{task.fence}", "threads", task.id, wish, at=step.now)


def merge(step: Step, task: Task, sha: str, style: str) -> None:
    """The forge is to merge the pull request as soon as it lets itself be merged; ``sha`` "" = not any more."""
    wish = {"repo_id": task.repo_id, "number": task.pull_request, "sha": sha, "style": style}
    outbox.wish(step.sql, f"merge:{task.repo_id}#{task.pull_request}", "merge", task.id, wish, at=step.now)
