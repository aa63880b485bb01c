"""Collecting what is known of an attempt: from our own records, and from the forge and git, read again."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

from bot.core import events as e
from bot.core.facts import PullRequest
from bot.core.receipt_facts import (
    ArtifactFacts,
    CheckFacts,
    Claims,
    Facts,
    LogFacts,
    PullFacts,
    WorkFacts,
    asks_for_us,
    waits_for_us,
)
from bot.core.states import State
from bot.core.task import Task
from bot.execution import paths
from bot.execution.gitmirror import GitMirror
from bot.execution.secretscan import SecretScan
from bot.forge import Missing
from bot.service import budgets, mirrors
from bot.service.fleet import Fleet, ref
from bot.store import Sql, artifacts, attempts, forge_facts, log, receipts, run_logs
from bot.store.attempts import Attempt

#: The forge's words that close an issue of the same repository on merge (Forgejo 15, by default).
_CLOSES: Final = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d{1,9})\b", re.IGNORECASE)
#: Ends of an attempt for which a receipt is signed.
ENDED_WELL = (e.ResultAccepted, e.NothingToChange, e.NothingToRework)


def recorded(fleet: Fleet, sql: Sql, task: Task, attempt: Attempt, claims: Claims, outcome: str, now: float) -> Facts:
    """What our own records say; nothing is asked of anybody."""
    repo = forge_facts.repo(sql, task.repo_id)
    work = _handed_in(attempt.result)
    if work is None and outcome == "no_change":
        work = WorkFacts(attempt.base_sha, attempt.base_sha, nothing=True)
    log_sha256, log_bytes = run_logs.digest(sql, task.id, attempt.fence)
    said = json.dumps(claims.said, ensure_ascii=False, default=str).encode("utf-8", "replace")
    return Facts(
        task_id=task.id,
        repo=repo.full_name if repo else "",
        issue=task.issue,
        fence=attempt.fence,
        newest_fence=task.fence,
        cancelled=task.state is State.CANCELLED,
        branch=task.branch,
        outcome=outcome,
        took_secs=max(0, round((attempt.ended_at or now) - attempt.claimed_at)),
        timeout_secs=fleet.settings.orchestrator.task_timeout_secs,
        work=work,
        exit_code=claims.number("process", "exit_code") if attempt.mode == "ssh_cli" else None,
        pull_number=task.pull_request,
        artifacts=tuple(
            ArtifactFacts(a.name, a.size, a.sha256) for a in artifacts.of_attempt(sql, task.id, attempt.fence)
        ),
        max_artifact_bytes=fleet.settings.orchestrator.max_artifact_bytes,
        log=LogFacts(log_sha256, log_bytes, attempt.log_bytes),
        over_budget=budgets.run_over(fleet, attempts.of_task(sql, task.id), attempt.fence),
        text_leaks=SecretScan(fleet.settings.secrets()).found_in(said),
    )


def _handed_in(result: Mapping[str, Any]) -> WorkFacts | None:
    """What the checks of the bundle found; a result that broke a rule was refused then."""
    if not result:
        return None
    base, head = str(result["base_sha"]), str(result["head_sha"])
    if result.get("nothing"):
        return WorkFacts(base, head, nothing=True)
    return WorkFacts(
        base_sha=base,
        head_sha=head,
        commits=tuple(str(c) for c in result["commits"]),
        descends=True,
        files_changed=int(result["files_changed"]),
        insertions=int(result["insertions"]),
        deletions=int(result["deletions"]),
        patch_sha256=str(result["patch_sha256"]),
        changed=len(result.get("paths") or ()),
        protected=(),
        leaks=False,
    )


def looked_up(fleet: Fleet, task: Task, attempt: Attempt, claims: Claims) -> Facts:
    """Our records, and beside them branch, commits, pull request and commit statuses as they are now.

    Raises Unavailable when the forge or git does not answer, Refused when it says no.
    """
    now = fleet.clock()
    end = fleet.read(lambda sql: well_ended(sql, task.id, attempt.fence))
    accepted = end if isinstance(end, e.ResultAccepted) else None
    outcome = "no_change" if end is not None and accepted is None else "done"
    facts = fleet.read(lambda sql: recorded(fleet, sql, task, attempt, claims, outcome, now))
    facts = with_pull(fleet, task, facts, task.pull_request)
    pull = facts.pull
    if outcome == "no_change":  # nothing of it is on the forge; what it says of what is there is compared all the same
        asked = pull is not None and claims.rows("checks")
        return replace(facts, checks=_checks(fleet, task, pull.head_sha, pull.base_branch)) if pull and asked else facts
    ours = accepted is not None and bool(accepted.head_sha)
    head = accepted.head_sha if accepted and ours else pull.head_sha if pull else ""
    branch = task.branch if ours or pull is None else pull.head_branch
    base = (accepted.base_sha if accepted else "") or attempt.base_sha
    mirror = mirrors.fetched(fleet, task.repo_id)
    facts = replace(facts, branch=branch, branch_tip=mirror.branch_tip(branch) or "")
    if not head:
        return replace(facts, work=None)
    work = mirrors.with_mirror(fleet, task.repo_id, lambda m: _work(fleet, m, base, task.base, head))
    return replace(facts, work=work, checks=_checks(fleet, task, head, pull.base_branch if pull else task.base))


def accepted_result(sql: Sql, task_id: str, fence: int) -> e.ResultAccepted | None:
    end = well_ended(sql, task_id, fence)
    return end if isinstance(end, e.ResultAccepted) else None


def well_ended(sql: Sql, task_id: str, fence: int) -> e.ResultAccepted | e.NothingToChange | e.NothingToRework | None:
    """How the attempt ended; None when it runs, or ended badly."""
    return well_ended_at(sql, task_id, fence)[0]


def well_ended_at(
    sql: Sql, task_id: str, fence: int
) -> tuple[e.ResultAccepted | e.NothingToChange | e.NothingToRework | None, float]:
    """How the attempt ended, and since when that counts: a result that was kept does from its approval on."""
    found = ((r.event, r.at) for r in log.of_task(sql, task_id))
    return next(((x, at) for x, at in found if isinstance(x, ENDED_WELL) and x.fence == fence), (None, 0.0))


def with_pull(fleet: Fleet, task: Task, facts: Facts, number: int) -> Facts:
    """``facts`` and the pull request ``number`` of the task's repository, as the forge shows it."""
    if not number:
        return facts
    try:
        found = fleet.forge.pulls.get(ref(fleet.repo(task.repo_id)), number)
    except Missing:
        return replace(facts, pull_looked_for=True)
    return replace(facts, pull=_pull(fleet, task, found), pull_looked_for=True)


def _pull(fleet: Fleet, task: Task, found: PullRequest) -> PullFacts:
    allowed = {x.lower() for x in fleet.settings.forgejo.agent_accounts} | {fleet.forge.me().login.lower()}
    return PullFacts(
        number=found.number,
        url=found.html_url,
        is_open=found.is_open,
        merged=found.merged,
        same_repository=found.same_repository,
        head_branch=found.head_branch,
        head_sha=found.head_sha,
        base_branch=found.base_branch,
        author=found.author.login,
        author_allowed=found.author.login.lower() in allowed,
        names_issue=re.search(rf"#{task.issue}\b", f"{found.title}\n{found.body}") is not None
        or found.head_branch in (task.branch, f"task/{task.id}"),
        closes=tuple(sorted({int(n) for n in _CLOSES.findall(f"{found.title}\n{found.body}")})),
    )


def _work(fleet: Fleet, mirror: GitMirror, base: str, onto: str, head: str) -> WorkFacts:
    if not mirror.has(head):
        return WorkFacts(base, head)
    tip = mirror.branch_tip(onto)
    start = base or (mirror.merge_base(tip, head) if tip else "")
    if not start or not mirror.has(start):
        return WorkFacts(start, head)
    rules, diff = fleet.bundle_rules(), mirror.diff_summary(start, head)
    return WorkFacts(
        base_sha=start,
        head_sha=head,
        commits=mirror.commits(start, head),
        descends=mirror.is_ancestor(start, head),
        files_changed=diff.files_changed,
        insertions=diff.insertions,
        deletions=diff.deletions,
        patch_sha256=diff.patch_sha256,
        changed=len(diff.paths),
        protected=tuple(p for p in diff.paths if paths.protecting(p, rules.protected, rules.allowed) is not None),
        leaks=mirror.holds_secret(start, head, SecretScan(rules.secrets)),
    )


def _checks(fleet: Fleet, task: Task, head: str, base: str) -> CheckFacts:
    repo, mode = ref(fleet.repo(task.repo_id)), fleet.settings.orchestrator.receipt_checks
    gates = fleet.settings.actions.gates
    try:
        shown = fleet.forge.repos.statuses(repo, head)
    except Missing:
        shown = {}
    states = {c: state for c, (state, _) in shown.items() if not waits_for_us(c, gates)}
    required = fleet.forge.repos.required_contexts(repo, base)
    if required is not None:
        required = tuple(
            glob
            for glob in required
            if not asks_for_us(glob, gates) or any(fnmatchcase(context, glob) for context in states)
        )
    return CheckFacts(mode, required, states)


def claims_of(sql: Sql, task_id: str, fence: int, sha256: str) -> Claims:
    """The receipt with this digest that came with the attempt; empty when none did."""
    found = (r for r in receipts.of_task(sql, task_id) if (r["fence"], r["sha256"]) == (fence, sha256))
    return Claims(next((r["receipt"] for r in found), {}))
