"""From a task to what its agent is told: the repository's template, and only what is new to a session that goes on."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core import cleaning, matching, prompt
from bot.core import events as e
from bot.core import prompt_text as text
from bot.core.errors import Refused
from bot.core.handover import Handover
from bot.core.prompt import Work
from bot.core.reasons import Reason, parse
from bot.core.recorded import Recorded
from bot.core.retry import RULES, Whom
from bot.core.task import Task
from bot.service import handover, rework
from bot.service.fleet import Step
from bot.service.record import record
from bot.store import Sql, attempts, bodies, forge_facts, log, repo_files, tasks
from bot.store.attempts import Attempt
from bot.store.log import AlreadyHappened
from bot.store.repo_files import RepoFile

#: Ends of an attempt after which its session is whole and on disk.
_WHOLE = (
    e.QuestionAsked,
    e.ResultAccepted,
    e.ResultKept,
    e.NothingToChange,
    e.NothingToRework,
    e.AttemptFailed,
    e.GaveUp,
)
_MAX_LINE = 20_000


@dataclass(frozen=True)
class Instructions:
    """``text`` is the complete prompt. With ``session``, ``resume_text`` is enough for an agent that goes on with it.

    ``handover`` is in both already.

    ``keep``: it had asked, so what it has not committed is still wanted, session or not.
    """

    text: str
    session: str = ""
    resume_text: str = ""
    keep: bool = False
    handover: Handover | None = None


def template(sql: Sql, repo_id: int) -> str | None:
    """The repository's own, None when it has none. Raises Refused (``prompt_invalid``) when it cannot be used."""
    return _usable(repo_files.get(sql, repo_id, prompt.PATH))


def check(sql: Sql, task: Task) -> None:
    """Raises Refused (``prompt_invalid``) when no prompt can be made for the task."""
    found = template(sql, task.repo_id)
    if found is not None:
        prompt.check(found)


def of(step: Step, task: Task) -> Instructions:
    """For the task's newest attempt, which has just been claimed. Raises Refused (``prompt_invalid``)."""
    history = log.of_task(step.sql, task.id)
    former = _handover(step, task, history)
    work = replace(_work(step, task, history), kept=_asked_last(step, task, history), handover=former)
    whole = prompt.render(template(step.sql, task.repo_id), work)
    before = _session(step, task, history)
    if before is None:
        return Instructions(whole, keep=work.kept, handover=former)
    began, ended = _claimed_at(history, before.fence), _ended_at(history, before.fence)
    # what was said meanwhile may never have arrived: not every agent listens while it works, and answers get lost
    since = [x for x in history if x.n > ended or (isinstance(x.event, e.Said) and x.n > began)]
    news = [*_outcome(before), *context(step, task, since, without_answers=True)]
    told = prompt.resume(replace(work, answer=_answer(step.sql, since)), news)
    return Instructions(whole, before.session, told, work.kept, former)


def context(step: Step, task: Task, history: Sequence[Recorded], *, without_answers: bool = False) -> list[str]:
    """What happened in this part of the task's log, oldest first: outcomes of attempts, notes and answers."""
    runs = {a.fence: a for a in attempts.of_task(step.sql, task.id) if not a.active and a.fence < task.fence}
    lines = []
    for one in history:
        match one.event:
            case e.Claimed(fence=fence) if fence in runs:
                lines.append(_line(runs[fence]))
            case e.QuestionAsked(question=question) if not without_answers:
                lines.append(f"The agent asked: {question}")
            case e.RetryRequested(note=note) if note:
                lines.append(f"{one.actor.removeprefix('person:')} asked to try again: {note}")
            case e.Said() as said:
                lines.append(f"{said.by} said: {bodies.get(step.sql, said.words_sha256)}")
            case e.Answered() as answered if not without_answers:
                lines.append(f"{answered.by} answered: {bodies.get(step.sql, answered.answer_sha256)}")
    return [cleaning.plain(x, _MAX_LINE) for x in lines]


def mended(step: Step, repo_id: int) -> None:
    """The template has changed: tasks that failed by the old one are queued again, if the new one can be used."""
    try:
        found = template(step.sql, repo_id)
        if found is not None:
            prompt.check(found)
    except Refused:
        return  # told when the next task is to start
    for task in tasks.failed_for(step.sql, repo_id, Reason.PROMPT_INVALID.value):
        issue = forge_facts.issue(step.sql, repo_id, task.issue)
        newest = tasks.newest_of_issue(step.sql, repo_id, task.issue)
        unwanted = task.trigger == "label" and issue is not None and not matching.requirements(issue.labels)
        if newest is None or newest.id != task.id or issue is None or not issue.is_open or unwanted:
            continue
        event = e.RetryRequested(by="fleet", fresh=False, branch=task.branch)
        with contextlib.suppress(AlreadyHappened):
            record(step, task, event, cause=f"prompt-mended:{task.id}:{task.version}", actor="fleet")


def give_up(step: Step, task: Task, refused: Refused) -> None:
    """The task does not start: its prompt cannot be made, or its budget is used up."""
    fence = task.fence if task.state.leased else 0
    message = f"{refused.reason} {refused.fix}".strip()
    event = e.GaveUp(fence, parse(refused.kind), message)
    with contextlib.suppress(AlreadyHappened):
        record(step, task, event, cause=f"prompt:{task.id}:{task.version}", actor="fleet")


def _usable(file: RepoFile | None) -> str | None:
    if file is not None and file.error:
        raise Refused(file.error, text.mend_the_file(), 422, Reason.PROMPT_INVALID.value)
    return file.text if file is not None else None


def _work(step: Step, task: Task, history: Sequence[Recorded]) -> Work:
    """Title and text as they were when somebody with the right to asked for the work, not as they are now."""
    repo = forge_facts.repo(step.sql, task.repo_id)
    issue = forge_facts.issue(step.sql, task.repo_id, task.issue)
    why, news = rework.news(step.sql, history)
    title, _, body = bodies.get(step.sql, task.prompt_sha256).partition("\n\n")
    return Work(
        repo=repo.full_name if repo else "",
        issue=task.issue,
        title=title,
        body=body,
        labels=sorted(issue.labels) if issue else [],
        base=task.base,
        branch=task.branch,
        attempt=task.fence,
        task_id=task.id,
        agent_type=task.agent_type,
        context=context(step, task, history),
        answer=_answer(step.sql, [x for x in history if x.n > _ended_at(history, task.fence - 1)]),
        why=why,
        news=news,
    )


def _handover(step: Step, task: Task, history: Sequence[Recorded]) -> Handover | None:
    """What another agent did before; None when nobody did, or somebody wanted it done anew since."""
    last = handover.former(step.sql, task)
    return None if last is None or _afresh_since(history, last.fence) else handover.of(step.sql, task, last)


def _asked_last(step: Step, task: Task, history: Sequence[Recorded]) -> bool:
    """Whether this agent had the attempt before, and it ended with a question."""
    last = attempts.get(step.sql, task.id, task.fence - 1)
    asked = any(isinstance(x.event, e.QuestionAsked) and x.event.fence == task.fence - 1 for x in history)
    return asked and last is not None and last.agent == task.agent and not _afresh_since(history, last.fence)


def _session(step: Step, task: Task, history: Sequence[Recorded]) -> Attempt | None:
    """The agent's last attempt of this task, when its session can be gone on with."""
    mine = [a for a in attempts.of_task(step.sql, task.id) if a.agent == task.agent and a.fence < task.fence]
    if not mine or not mine[-1].session or mine[-1].start_afresh:
        return None
    last = mine[-1]
    ends = [x.event for x in history if isinstance(x.event, _WHOLE) and x.event.fence == last.fence]
    whole = bool(ends) and not any(isinstance(x, e.AttemptFailed) and RULES[x.reason].whom is Whom.AFRESH for x in ends)
    return last if whole and not _afresh_since(history, last.fence) else None


def _afresh_since(history: Sequence[Recorded], fence: int) -> bool:
    """Whether somebody wanted it done anew after this attempt."""
    after = _ended_at(history, fence)
    return any(isinstance(x.event, e.RetryRequested) and x.event.fresh and x.n > after for x in history)


def _claimed_at(history: Sequence[Recorded], fence: int) -> int:
    return max((x.n for x in history if isinstance(x.event, e.Claimed) and x.event.fence == fence), default=0)


def _ended_at(history: Sequence[Recorded], fence: int) -> int:
    """The log's line with which this attempt was claimed or, later, ended."""
    return max((x.n for x in history if getattr(x.event, "fence", -1) == fence), default=0)


def _answer(sql: Sql, history: Sequence[Recorded]) -> str:
    """The answer to the last question; "" when the last thing that happened to the task was something else."""
    said = [x.event for x in history if isinstance(x.event, e.QuestionAsked | e.Answered)]
    return bodies.get(sql, said[-1].answer_sha256) if said and isinstance(said[-1], e.Answered) else ""


def _outcome(attempt: Attempt) -> list[str]:
    return [] if attempt.outcome == "asked a question" else [_line(attempt)]


def _line(attempt: Attempt) -> str:
    return f"Attempt {attempt.fence} ({attempt.agent_type}): {attempt.outcome}"
