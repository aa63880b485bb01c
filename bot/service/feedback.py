"""What became of an open pull request of ours: reviews, conflicts and checks are read, and what follows is recorded."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from bot.commands import grammar
from bot.core import cleaning, feedback
from bot.core import events as e
from bot.core.facts import CommitCheck, Opinion, PullRequest, Review
from bot.core.feedback import Failed, Heard, Limits, Seen
from bot.core.receipt_facts import asks_for_us, waits_for_us
from bot.core.states import State
from bot.core.task import Task
from bot.forge import Missing
from bot.service import feedback_rules, mirrors, rights
from bot.service.fleet import Fleet, Step, ref
from bot.service.receipt_facts import well_ended_at
from bot.service.record import record
from bot.settings.limits import Rework
from bot.store import Sql, attempts, bodies, log, tasks
from bot.store.forge_facts import KnownRepository
from bot.store.log import AlreadyHappened


def look(fleet: Fleet, repo: KnownRepository, pull: PullRequest, task: Task) -> None:
    """Takes the step that follows for an open pull request; asking twice changes nothing.

    Nothing follows before the task's newest result is published, or while an agent is at it. Raises Unavailable,
    Refused when forge or git do not answer as they should.
    """
    if not _is_ours_to_judge(task, pull):
        return
    rules = fleet.read(lambda sql: feedback_rules.of(fleet, sql, repo.id))
    seen = _seen(fleet, repo, pull, task, rules)
    fleet.step(lambda step: _take_step(step, task, pull, seen, rules))


def _is_ours_to_judge(task: Task, pull: PullRequest) -> bool:
    published = task.feedback.published == task.fence and task.pull_request == pull.number
    return task.state is State.REVIEW and published and pull.is_open


def _take_step(step: Step, before: Task, pull: PullRequest, seen: Seen, rules: Rework) -> None:
    task = tasks.get(step.sql, before.id)
    if not _is_ours_to_judge(task, pull) or (task.fence, task.feedback) != (before.fence, before.feedback):
        return  # something has happened while we looked: the next look sees what
    attempt = attempts.get(step.sql, task.id, task.fence)
    limits = Limits(rules.max_rework, rules.rework_days, rules.auto_merge)
    decision = feedback.decide(task, seen, limits, attempt.agent if attempt else "", step.now)
    if decision is None:
        return
    event = decision.event
    if isinstance(event, e.ReworkRequested | e.Escalated | e.ReviewsWait):
        event = replace(event, news_sha256=bodies.put(step.sql, cleaning.storable(decision.news)))
    actor = f"person:{event.by}" if isinstance(event, e.ReworkRequested) and event.by else "forge"
    with contextlib.suppress(AlreadyHappened):
        record(step, task, event, cause=f"feedback:{task.id}:{task.version}", actor=actor)


def _seen(fleet: Fleet, repo: KnownRepository, pull: PullRequest, task: Task, rules: Rework) -> Seen:
    all_reviews = fleet.forge.reviews.of_pull(ref(repo), pull.number)
    new = [x for x in all_reviews if x.id > task.feedback.reviewed_to]
    heard = [x for x in (_heard(fleet, repo, pull, one) for one in new) if x.steers or rules.show_other_reviews]
    checks = _checks(fleet, repo, pull)
    conflicts, onto = _conflicts(fleet, repo, pull) if not pull.mergeable else ((), "")
    seen = Seen(
        head_sha=pull.head_sha,
        base=pull.base_branch,
        reviews=heard,
        conflicts=conflicts,
        onto=onto,
        failed=_failed(fleet, repo, pull, task, checks, rules),
        same_again=fleet.read(lambda sql: _same_again(sql, task.id)),
    )
    if conflicts or any(not c.passed for c in checks) or any(x.asks for x in heard):
        return seen
    by = _approver(fleet, repo, pull, all_reviews)
    if by and not _has_what_is_required(fleet, repo, pull, checks):
        by = ""
    return replace(seen, approved_by=by)


def _heard(fleet: Fleet, repo: KnownRepository, pull: PullRequest, review: Review) -> Heard:
    steers = rights.right_of(fleet, repo, review.author).may_write
    comments = fleet.forge.reviews.comments(ref(repo), pull.number, review.id) if review.has_comments else []
    # Commands in a review are explained to their author, not obeyed (Forgejo 15): nor are they work for the agent.
    said = replace(review, body=grammar.without_commands(review.body)) if review.body else review
    return Heard(said, tuple(c for c in comments if c.author.id == review.author.id), steers)


def _checks(fleet: Fleet, repo: KnownRepository, pull: PullRequest) -> list[CommitCheck]:
    """What others say of the head; nothing when the forge does not have it any more."""
    try:
        found = fleet.forge.checks.of(ref(repo), pull.head_sha)
    except Missing:
        return []
    return [c for c in found if not waits_for_us(c.context, fleet.settings.actions.gates)]


def _failed(
    fleet: Fleet, repo: KnownRepository, pull: PullRequest, task: Task, checks: Sequence[CommitCheck], rules: Rework
) -> list[Failed]:
    """Red checks of our own commit, once CI has finished or taken too long."""
    red = [c for c in checks if c.failed]
    if not red or pull.head_sha != task.pushed_sha:
        return []
    attempt = fleet.read(lambda sql: attempts.get(sql, task.id, task.fence))
    _, accepted = fleet.read(lambda sql: well_ended_at(sql, task.id, task.fence))
    since = max(accepted, attempt.ended_at if attempt else 0.0)
    if any(c.state == "pending" for c in checks) and fleet.clock() < since + rules.checks_wait_secs:
        return []
    tail = rules.log_tail_chars
    return [Failed(c, fleet.forge.checks.log_tail(ref(repo), c, tail) if tail else "") for c in red]


def _conflicts(fleet: Fleet, repo: KnownRepository, pull: PullRequest) -> tuple[tuple[str, ...], str]:
    """The files in conflict and the base's tip, as our mirror sees it: the forge's flag alone proves nothing."""
    mirror = mirrors.fetched(fleet, repo.id)
    base = mirror.branch_tip(pull.base_branch)
    if base is None or not mirror.has(pull.head_sha):
        return (), ""
    return mirrors.with_mirror(fleet, repo.id, lambda m: m.try_merge(pull.head_sha, base).conflicts), base


def _approver(fleet: Fleet, repo: KnownRepository, pull: PullRequest, reviews: Sequence[Review]) -> str:
    """Who with write access approved this head last; "" when somebody with it still asks for changes."""
    verdicts = {r.author.id: r for r in reviews if r.opinion is not Opinion.COMMENT and not r.dismissed}
    held = {person: rights.right_of(fleet, repo, r.author).may_write for person, r in verdicts.items()}
    counting = [r for person, r in verdicts.items() if held[person]]
    if any(r.opinion is Opinion.CHANGES and not r.stale for r in counting):
        return ""
    fresh = [r for r in counting if r.opinion is Opinion.APPROVED and not r.stale and r.commit_sha == pull.head_sha]
    return max(fresh, key=lambda r: r.id).author.login if fresh else ""


def _has_what_is_required(
    fleet: Fleet, repo: KnownRepository, pull: PullRequest, checks: Sequence[CommitCheck]
) -> bool:
    """Every context that the base branch waits for is there; which of them pass was asked before."""
    required = fleet.forge.repos.required_contexts(ref(repo), pull.base_branch) or ()
    gates = fleet.settings.actions.gates
    return all(asks_for_us(g, gates) or any(fnmatchcase(c.context, g) for c in checks) for g in required)


def _same_again(sql: Sql, task_id: str) -> bool:
    """Whether the last two results are the same change: going on would not get anywhere."""
    made = [r.event.patch_sha256 for r in log.of_task(sql, task_id) if isinstance(r.event, e.ResultAccepted)]
    return len(made) > 1 and made[-1] == made[-2]
