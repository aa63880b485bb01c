"""Asking the forge to show a task as it is now; the outbox does it, newest wish first."""

from bot import commands
from bot.core import matching, pause_text, text, usage, view
from bot.core.facts import PullRequest
from bot.core.matching import Candidate, ClassKey
from bot.core.states import State
from bot.core.task import Task
from bot.core.view import AttemptLine, Snapshot
from bot.service.fleet import Step
from bot.store import agents, attempts, follow_ups, forge_facts, outbox, pauses, tasks, workflow_runs

#: Queued tasks whose comment is brought up to date when an agent comes or goes.
_REFRESHED = 50


def show(step: Step, task: Task) -> None:
    """Wishes for label, status comment and commit status; those that are right already cost nothing."""
    at, sql = step.now, step.sql
    where = {"repo_id": task.repo_id, "issue": task.issue}
    if not _silent(task):
        label = where | {"name": f"fleet/{view.label_name(task.state)}"}
        outbox.wish(sql, f"label:{task.repo_id}#{task.issue}", "label", task.id, label, at=at)
        show_comment(step, task)
    parent = follow_ups.parent_of(sql, task.repo_id, task.issue)
    above = tasks.newest_of_issue(sql, task.repo_id, parent) if parent else None
    if above is not None:
        show_comment(step, above)
    status = view.commit_status(task)
    if status:
        wish = {
            "repo_id": task.repo_id,
            "issue": task.issue,
            "sha": status.sha,
            "state": status.state,
            "description": status.description,
        }
        outbox.wish(sql, f"status:{task.repo_id}@{status.sha}", "status", task.id, wish, at=at)


def show_comment(step: Step, task: Task) -> None:
    """The status comment alone: what progress reports change."""
    body = view.status_comment(_snapshot(step, task))
    wish = {"repo_id": task.repo_id, "issue": task.issue, "body": body}
    interval = step.fleet.settings.orchestrator.display_min_interval_secs
    target = f"comment:{task.repo_id}#{task.issue}"
    outbox.wish(step.sql, target, "comment", task.id, wish, at=step.now, min_interval_secs=interval)


def finish_status(step: Step, task: Task, sha: str) -> None:
    """A commit that newer ones have replaced must not stay pending."""
    wish = {
        "repo_id": task.repo_id,
        "issue": task.issue,
        "sha": sha,
        "state": "error",
        "description": text.superseded(),
    }
    outbox.wish(step.sql, f"status:{task.repo_id}@{sha}", "status", task.id, wish, at=step.now)


def pass_peoples(step: Step, repo_id: int, pull: PullRequest) -> None:
    """A pull request of people where our context is required: it must not wait for a fleet that has no part in it."""
    target = f"status:{repo_id}@{pull.head_sha}"
    said = outbox.find(step.sql, target)
    robots = {x.lower() for x in step.fleet.settings.forgejo.agent_accounts}
    if (said is not None and said.task_id) or pull.author.login.lower() in robots:
        return  # these are commits of the fleet's, whatever branch they come from
    wish = {
        "repo_id": repo_id,
        "issue": pull.number,
        "sha": pull.head_sha,
        "state": "success",
        "description": text.not_ours(),
    }
    outbox.wish(step.sql, target, "status", "", wish, at=step.now)


def refresh_queue(step: Step) -> None:
    """An agent came or went: whether anyone can take the waiting tasks may have changed."""
    for task in tasks.in_states(step.sql, [State.QUEUED.value], _REFRESHED):
        if task.claimable:
            show_comment(step, task)


def _silent(task: Task) -> bool:
    """For an issue that is gone there is nothing to show."""
    return task.state is State.CANCELLED and task.fence == 0 and task.why == "gone"


def _snapshot(step: Step, task: Task) -> Snapshot:
    runs = attempts.of_task(step.sql, task.id)
    current = runs[-1] if runs else None
    run = workflow_runs.get(step.sql, task.id, task.fence) if runs else None
    return Snapshot(
        task=task,
        attempts=[
            AttemptLine(
                a.fence,
                a.agent,
                a.agent_type,
                a.claimed_at,
                a.outcome,
                max(0.0, a.ended_at - a.last_sign_at),
                a.kind,
            )
            for a in runs
        ],
        progress=current.progress if current else "",
        checklist=current.checklist if current else (),
        last_sign_at=current.last_sign_at if current else 0.0,
        place=tasks.place_in_queue(step.sql, task),
        run_page=run.page if run else "",
        run_state=run.state if run else "",
        fitting=fitting(step, task) if task.claimable else 1,
        used=usage.total((a.session, usage.read(a.usage.get("models", []))) for a in runs),
        paused=_paused(step, task) if task.claimable else "",
        possible=commands.possible(task),
        follow_ups=_follow_ups(step, task),
    )


def _follow_ups(step: Step, task: Task) -> list[tuple[int, str]]:
    """(issue, state) of what the issue's agents opened, as it was when this was last shown."""
    found = [x.issue for x in follow_ups.of_issue(step.sql, task.repo_id, task.issue) if x.issue]
    newest = [(number, tasks.newest_of_issue(step.sql, task.repo_id, number)) for number in found]
    return [(number, one.state.value if one else "") for number, one in newest]


def _paused(step: Step, task: Task) -> str:
    names = ("", matching.full_name(task.reserved_for))
    found = [x for x in pauses.in_force(step.sql, step.now) if x.repo_id in (0, task.repo_id) and x.agent in names]
    return pause_text.paused_by(found[0]) if found else ""


def fitting(step: Step, task: Task) -> int:
    """How many agents that are online could take it."""
    key = ClassKey(task.repo_id, task.requirements, task.reserved_for)
    repo = forge_facts.repo(step.sql, task.repo_id)
    name = repo.full_name if repo else ""
    online = [a for a in agents.listed(step.sql) if a.status == agents.ONLINE]
    return sum(matching.fits(Candidate(a.id, a.agent_type, frozenset(a.capabilities)), key, name) for a in online)
