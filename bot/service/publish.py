"""Making the forge as wanted: the wishes of the outbox, each until it is done or not wanted any more."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from bot import tracing
from bot.core import events as e
from bot.core import feedback_text, text, view
from bot.core.errors import Refused, Unavailable
from bot.core.facts import PullRequest
from bot.core.reasons import Reason
from bot.core.retry import RetryPolicy, backoff
from bot.core.states import State
from bot.core.task import Task
from bot.execution.gitmirror import GitMirror, Pushed, PushOutcome
from bot.forge import Missing
from bot.service import answers, labels, publish_feedback, publish_receipts, receipts, tracked_time
from bot.service.fleet import Fleet, Step, ref
from bot.service.mirrors import fetched, with_mirror
from bot.service.record import record
from bot.service.wishes import Known, NotWanted, Publisher
from bot.store import attempts, bodies, forge_facts, log, outbox, tasks
from bot.store.outbox import Wish

logger = structlog.get_logger(__name__)

_AGAIN: Final = RetryPolicy(backoff_secs=5, backoff_max_secs=600)
#: Refusals (a missing right, an archived repository) are tried again this often: people mend them.
_MAX_REFUSALS: Final = 8


def work_off(fleet: Fleet, limit: int = 50, go_on: Callable[[], bool] = lambda: True) -> int:
    """Fulfils the wishes that are due; returns how many there were.

    ``go_on`` is asked before each. Raises Unavailable at the first that the world does not answer: that one is
    kept for later, the rest stays due.
    """
    due = fleet.read(lambda sql: outbox.due(sql, fleet.clock(), limit))
    for wish in due:
        if not go_on():
            break
        _fulfil(fleet, wish)
    return len(due)


def _fulfil(fleet: Fleet, wish: Wish) -> None:
    try:
        with tracing.span(f"outbox {wish.kind}", wish.task_id or wish.target, tries=wish.tries):
            known = PUBLISHERS[wish.kind](fleet, wish)
    except NotWanted as problem:
        said = str(problem)
        fleet.store.write(lambda sql: outbox.dropped(sql, wish.target, wish.version, said))
    except Unavailable as problem:
        _later(fleet, wish, problem.retry_after, str(problem))
        raise
    except Refused as problem:
        _refused(fleet, wish, str(problem))
    except Exception as problem:
        logger.exception("publishing failed", target=wish.target)
        _refused(fleet, wish, repr(problem))
    else:
        fleet.store.write(lambda sql: outbox.sent(sql, wish.target, wish.version, known, fleet.clock()))


def _later(fleet: Fleet, wish: Wish, retry_after: float | None, error: str) -> None:
    wait = backoff(_AGAIN, wish.tries + 1, fleet.chance())
    at = fleet.clock() + max(wait, retry_after or 0.0)
    fleet.store.write(lambda sql: outbox.again(sql, wish.target, wish.version, at, error))
    logger.info("publishing kept for later", target=wish.target, reason=error)


def _refused(fleet: Fleet, wish: Wish, error: str) -> None:
    if wish.tries + 1 < _MAX_REFUSALS:
        _later(fleet, wish, None, error)
        return
    logger.warning("publishing given up", target=wish.target, reason=error)
    fleet.store.write(lambda sql: outbox.dropped(sql, wish.target, wish.version, error))
    if wish.kind in ("push", "pull"):
        _give_up(fleet, wish, Reason.INFRASTRUCTURE, error)


def _label(fleet: Fleet, wish: Wish) -> Known:
    repo = fleet.repo(wish.wish["repo_id"])
    name = wish.wish["name"]
    try:
        fleet.forge.issues.set_state_label(ref(repo), wish.wish["issue"], name)
    except Missing as missing:
        if missing.kind != "no_label":
            raise NotWanted(str(missing)) from missing
        labels.ensure(fleet, repo)
        fleet.forge.issues.set_state_label(ref(repo), wish.wish["issue"], name)
    return {}


def _comment(fleet: Fleet, wish: Wish) -> Known:
    """The status comment, found again by its marker when our record of it is lost."""
    repo = fleet.repo(wish.wish["repo_id"])
    marker = view.marker("status", wish.wish["repo_id"], wish.wish["issue"])
    known = int(wish.known.get("comment_id") or 0)
    try:
        comment = fleet.forge.issues.put_comment(ref(repo), wish.wish["issue"], marker, wish.wish["body"], known)
    except Missing as missing:
        raise NotWanted(str(missing)) from missing
    return {"comment_id": comment.id, "url": comment.html_url}


def _notice(fleet: Fleet, wish: Wish) -> Known:
    repo = fleet.repo(wish.wish["repo_id"])
    try:
        comment = fleet.forge.issues.put_comment(ref(repo), wish.wish["issue"], wish.wish["marker"], wish.wish["body"])
    except Missing as missing:
        raise NotWanted(str(missing)) from missing
    return {"comment_id": comment.id}


def _reply(fleet: Fleet, wish: Wish) -> Known:
    if fleet.clock() - wish.wished_at > answers.GIVE_UP_SECS:
        raise NotWanted(text.out_of_date())
    return _notice(fleet, wish)


def _react(fleet: Fleet, wish: Wish) -> Known:
    """A forge may forbid the emoji, and the comment may be gone: what was asked for was done all the same."""
    repo = fleet.repo(wish.wish["repo_id"])
    try:
        fleet.forge.issues.react(ref(repo), wish.wish["issue"], wish.wish["comment_id"], wish.wish["content"])
    except Refused as refusal:
        raise NotWanted(str(refusal)) from refusal
    return {}


def _status(fleet: Fleet, wish: Wish) -> Known:
    repo = fleet.repo(wish.wish["repo_id"])
    shown = fleet.read(lambda sql: outbox.find(sql, f"comment:{wish.wish['repo_id']}#{wish.wish['issue']}"))
    state, description, sha = wish.wish["state"], wish.wish["description"], wish.wish["sha"]
    context = wish.wish.get("context", view.CONTEXT)
    try:
        # After a lost answer it may be there; a receipt's must be there once, whatever became of us meanwhile.
        look = wish.tries or context != view.CONTEXT
        if look and fleet.forge.repos.statuses(ref(repo), sha).get(context) == (state, description):
            return {}
        url = str(shown.known.get("url") or repo.html_url) if shown else repo.html_url
        fleet.forge.repos.put_status(ref(repo), sha, context=context, state=state, description=description, url=url)
    except Missing as missing:
        raise NotWanted(str(missing)) from missing
    return {}


def _push(fleet: Fleet, wish: Wish) -> Known:
    """Sets the branch to the accepted commit; never over commits that we do not know."""
    task = _current(fleet, wish)

    def push(mirror: GitMirror) -> PushOutcome:
        return mirror.push(task.branch, task.head_sha, _built_on(fleet, mirror, task))

    outcome = with_mirror(fleet, task.repo_id, push)
    if outcome.kind in (Pushed.MOVED, Pushed.NOT_FAST_FORWARD):
        _give_up(fleet, wish, Reason.CONFLICT, outcome.reason)
        raise NotWanted(outcome.reason)
    if not outcome.ok:
        raise Refused(outcome.reason, "", 409, "push_refused")

    def command(step: Step) -> None:
        now = step.task(task.id)
        if (now.state, now.fence, now.pushed_sha) == (State.REVIEW, task.fence, task.head_sha):
            return
        event = e.BranchPushed(task.fence, task.head_sha)
        record(step, now, event, cause=f"pushed:{task.id}:{task.fence}", actor="fleet")

    _recorded(fleet, command)
    return {"sha": task.head_sha}


def _built_on(fleet: Fleet, mirror: GitMirror, task: Task) -> str | None:
    """What the branch must be at now: what the attempt was given when that was the branch, else nothing."""
    attempt = fleet.read(lambda sql: attempts.get(sql, task.id, task.fence))
    given = (attempt.onto_sha or attempt.base_sha) if attempt else ""
    return given if mirror.remote_tip(task.branch) is not None and given else None


def _pull(fleet: Fleet, wish: Wish) -> Known:
    task = _current(fleet, wish)
    repo = fleet.repo(task.repo_id)
    title, body = fleet.read(lambda sql: _pull_text(sql, task))
    try:
        pull: PullRequest = fleet.forge.pulls.open(ref(repo), head=task.branch, base=task.base, title=title, body=body)
    except Missing as missing:
        if fetched(fleet, task.repo_id).branch_tip(task.base) is None:
            raise Refused(feedback_text.base_is_gone(task.base), feedback_text.bring_the_base_back()) from missing
        raise

    def command(step: Step) -> None:
        now = step.task(task.id)
        if now.state is State.CANCELLED:  # while we were opening it: nobody wants it any more
            wish = {"repo_id": task.repo_id, "number": pull.number, "issue": task.issue}
            outbox.wish(step.sql, f"close:{task.repo_id}#{pull.number}", "close", task.id, wish, at=step.now)
        if now.state is not State.REVIEW or now.fence != task.fence:
            return
        event = e.PullRequestOpened(pull.number)
        record(step, now, event, cause=f"pull:{task.id}:{task.fence}", actor="fleet")

    _recorded(fleet, command)
    return {"number": pull.number, "url": pull.html_url}


def _close(fleet: Fleet, wish: Wish) -> Known:
    """A fresh start: the pull request of the attempt before is closed, with a link to where it goes on."""
    repo = fleet.repo(wish.wish["repo_id"])
    number = wish.wish["number"]
    marker = view.marker("replaced", wish.wish["repo_id"], number)
    body = f"{text.replaced(wish.wish['issue'])}\n\n{marker}"
    fleet.forge.issues.put_comment(ref(repo), number, marker, body)
    fleet.forge.pulls.close(ref(repo), number)
    return {}


PUBLISHERS: Final[Mapping[str, Publisher]] = {
    "label": _label,
    "comment": _comment,
    "notice": _notice,
    "reply": _reply,
    "react": _react,
    "status": _status,
    "push": _push,
    "pull": _pull,
    "close": _close,
    "receipt": receipts.settle,
    "note": publish_receipts.note,
    "attachment": publish_receipts.attachment,
    "threads": publish_feedback.threads,
    "merge": publish_feedback.merge,
    "time": tracked_time.write,
}


def _current(fleet: Fleet, wish: Wish) -> Task:
    """The task of a wish, when it is still about the same attempt."""
    task = fleet.read(lambda sql: tasks.find(sql, wish.task_id))
    if task is None or task.state is not State.REVIEW or task.fence != wish.wish["fence"]:
        raise NotWanted(text.out_of_date())
    return task


def _pull_text(sql: Any, task: Task) -> tuple[str, str]:
    issue = forge_facts.issue(sql, task.repo_id, task.issue)
    attempt = attempts.get(sql, task.id, task.fence)
    accepted = [r.event for r in log.of_task(sql, task.id) if isinstance(r.event, e.ResultAccepted)]
    title = text.pull_request_title(issue.title if issue else "", task.issue)
    body = text.pull_request_body(
        issue=task.issue,
        asked_by=task.asked_by,
        prompt=bodies.get(sql, task.prompt_sha256),
        summary=bodies.get(sql, accepted[-1].summary_sha256) if accepted else "",
        agent=attempt.agent if attempt else "",
        agent_type=attempt.agent_type if attempt else "",
        attempt=task.fence,
        task_id=task.id,
    )
    return title, body


def _recorded(fleet: Fleet, command: Callable[[Step], None]) -> None:
    """What was done on the forge is written down; that it was written down before is no error."""
    try:
        fleet.step(command)
    except log.AlreadyHappened:
        return


def _give_up(fleet: Fleet, wish: Wish, reason: Reason, message: str) -> None:
    def command(step: Step) -> None:
        task = tasks.find(step.sql, wish.task_id)
        if task is None or task.state is not State.REVIEW or task.fence != wish.wish["fence"]:
            return
        event = e.GaveUp(task.fence, reason, message)
        record(step, task, event, cause=f"unpublished:{task.id}:{task.fence}", actor="fleet")

    _recorded(fleet, command)
