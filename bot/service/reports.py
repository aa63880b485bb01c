"""What agents report about their runs: progress, results, the end."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bot.core import api_text, cleaning, feedback_text, reasons, retry, text, usage
from bot.core import events as e
from bot.core.errors import Refused
from bot.core.events import Event
from bot.core.reasons import Reason
from bot.core.receipt_facts import Claims, Facts
from bot.core.receipt_rules import Check
from bot.core.states import State
from bot.core.task import Task
from bot.execution.bundle import NothingToCommit, RejectedBundle
from bot.execution.gitmirror import GitMirror
from bot.service import budgets, claimed_pulls, display, gates, late_receipts, mirrors, policies, receipt_facts
from bot.service import receipts as signed
from bot.service.agents import holding
from bot.service.claimed_pulls import ClaimedPull
from bot.service.fleet import Fleet, Step
from bot.service.record import keep_out, record
from bot.store import attempts, bodies, host_runs, log, receipts, run_logs, tasks
from bot.store.attempts import Attempt

#: After so many in a row, handing back counts as a failed attempt.
_MAX_HANDED_BACK = 5
#: How long a question waits for an answer (decision 10).
QUESTION_SECS = 2 * 3600


@dataclass(frozen=True)
class Progress:
    """``seq`` rises with every report of a run; ``log`` is (byte position, text).

    ``heard``, for runs on hosts: bytes of stdout and of stderr that the log covers with this text.
    ``usage`` is all that the run has used so far, in the agent's words; ``session`` the id of the CLI's session.
    """

    status: str
    seq: int = 0
    message: str = ""
    checklist: tuple[tuple[str, bool], ...] | None = None
    usage: list[dict[str, Any]] | dict[str, Any] | None = None
    log: tuple[int, str] | None = None
    heard: tuple[int, int] | None = None
    session: str = ""


@dataclass(frozen=True)
class Completion:
    """``outcome`` is done, failed, no_change or question; ``receipt`` the agent's claims.

    ``session`` is the id of the CLI's session; ``start_afresh``: going on with it is of no use.
    """

    outcome: str
    reason: str = ""
    message: str = ""
    receipt: dict[str, Any] | None = None
    session: str = ""
    start_afresh: bool = False


def progress(fleet: Fleet, agent_id: str, task_id: str, fence: int | None, said: Progress) -> tuple[float, int, int]:
    """A report on the way; returns (lease end, fence, log position known).

    The first one starts the attempt. Repeating it changes nothing. Raises Refused (404, 409).
    """

    if said.status == "waiting":
        raise Refused(api_text.ask_by_completing(), api_text.complete_with_question(), 422, "ask_by_completing")

    def command(step: Step) -> tuple[float, int, int]:
        held = holding(step.sql, agent_id, task_id, fence)
        task = step.task(task_id)
        if task.state is State.ASSIGNED:
            cause = f"start:{task_id}:{held}"
            task = record(step, task, e.Started(held), cause=cause, actor=f"agent:{agent_id}")
            attempts.started(step.sql, task_id, held, step.now)
        lease_until = step.now + step.fleet.lease_secs
        attempts.extend(step.sql, task_id, held, at=step.now, lease_until=lease_until)
        attempts.progressed(
            step.sql,
            task_id,
            held,
            seq=said.seq,
            progress=cleaning.one_line(said.message, 300),
            checklist=said.checklist,
            usage=None if said.usage is None else _used(step, said.usage),
            session=said.session,
        )
        if said.usage is not None and (
            over := budgets.stop(step, task, step.fleet.chance(), gates.of(step.fleet, step.sql, task.repo_id))
        ):
            task = record(step, task, over, cause=f"budget:{task_id}:{held}", actor="fleet")
        position = run_logs.append(step.sql, task_id, held, *(said.log or (0, "")))
        if said.heard is not None:
            host_runs.heard(step.sql, task_id, held, *said.heard)
        if task.state.leased and (said.message or said.checklist):
            display.show_comment(step, task)
        return lease_until, held, position

    return fleet.step(command)


def source(fleet: Fleet, agent_id: str, task_id: str, fence: int | None, have: str | None) -> tuple[Path, str]:
    """A git bundle of what the attempt starts from and the sha of its one commit to check out.

    That is the tip of the task's branch when it has one, else of the base; with the base merged into it, conflict
    markers and all, when the attempt is to resolve a conflict. Raises Refused (404, 409, 422 when git
    or the forge says no), Unavailable when the forge does not answer.
    """
    task, tip = start_of(fleet, agent_id, task_id, fence)
    return mirrors.with_mirror(fleet, task.repo_id, lambda mirror: mirror.source_bundle(tip, have)), tip


def start_of(fleet: Fleet, agent_id: str, task_id: str, fence: int | None) -> tuple[Task, str]:
    """The task and the commit its attempt starts from, which the mirror has now. Raises as ``source``."""
    held, task = fleet.read(lambda sql: (holding(sql, agent_id, task_id, fence), tasks.get(sql, task_id)))
    mirror = mirrors.fetched(fleet, task.repo_id)
    tip = mirror.branch_tip(task.branch) or mirror.branch_tip(task.base)
    if tip is None:
        raise Refused(text.no_base_branch(task.base), text.check_the_base(), 422, "no_base")
    start, onto = tip, task.feedback.onto
    if onto and mirror.has(onto) and not mirror.is_ancestor(onto, tip):
        start = mirrors.with_mirror(fleet, task.repo_id, lambda m: m.started_merge(tip, onto, task.base))
    onto_sha = tip if start != tip else ""
    fleet.store.write(lambda sql: attempts.source_given(sql, task_id, held, start, onto_sha))
    return task, start


def lost(fleet: Fleet, agent_id: str, task_id: str, fence: int, silent_secs: int) -> None:
    """A run on a host has vanished: back to the queue, at no cost, unless too many did. Raises Refused (404, 409)."""

    def command(step: Step) -> None:
        held = holding(step.sql, agent_id, task_id, fence)
        event = retry.after_loss(step.task(task_id), step.fleet.policy, silent_secs)
        record(step, step.task(task_id), event, cause=f"lost:{task_id}:{held}", actor="fleet")

    fleet.step(command)


def result(fleet: Fleet, agent_id: str, task_id: str, fence: int | None, bundle: Path) -> dict[str, Any]:
    """Checks an agent's bundle and keeps its commits, unpublished; returns what it holds.

    Raises Refused (404, 409, 422 with the rule that it breaks), Unavailable when it took git too long.
    """
    held, task = fleet.read(lambda sql: (holding(sql, agent_id, task_id, fence), tasks.get(sql, task_id)))
    attempt = fleet.read(lambda sql: attempts.get(sql, task_id, held))
    base = attempt.base_sha if attempt else ""
    if not base:
        raise Refused(text.no_source_yet(), text.get_the_source_first(), 422, "no_source")
    namespace, rules = (
        f"{task_id}/{held}",
        fleet.bundle_rules(fleet.read(lambda sql: policies.of(sql, task.repo_id)).protected_paths),
    )
    try:
        checked = mirrors.with_mirror(fleet, task.repo_id, lambda m: m.import_result(bundle, namespace, base, rules))
        wanted = fleet.read(lambda sql: gates.of(fleet, sql, task.repo_id))
        gated, excerpt = mirrors.with_mirror(
            fleet, task.repo_id, lambda m: gates.touched(m, wanted, base, checked.head_sha)
        )
        found: dict[str, Any] = asdict(checked) | {
            "nothing": False,
            "gated": gated,
            "excerpt": cleaning.storable(excerpt),
        }
    except NothingToCommit:
        found = {"nothing": True, "base_sha": base, "head_sha": base}
    except RejectedBundle as rejected:
        raise Refused(rejected.observation, text.mend_the_result(), 422, rejected.rule.value) from rejected
    _refuse_markers(fleet, task, attempt, str(found["head_sha"]))
    found = json.loads(json.dumps(found))

    def command(step: Step) -> None:
        holding(step.sql, agent_id, task_id, held)
        attempts.result_came(step.sql, task_id, held, found)

    fleet.step(command)
    return found


def _refuse_markers(fleet: Fleet, task: Task, attempt: Attempt | None, head: str) -> None:
    """A conflict is resolved when no file has a marker left. Raises Refused (422)."""
    if attempt is None or not attempt.onto_sha or head == attempt.base_sha:
        return
    tip, onto = attempt.onto_sha, task.feedback.onto

    def look(mirror: GitMirror) -> tuple[str, ...]:
        return mirror.conflict_markers(head, mirror.try_merge(tip, onto).conflicts)

    left = mirrors.with_mirror(fleet, task.repo_id, look)
    if left:
        raise Refused(feedback_text.markers_left(left), text.mend_the_result(), 422, Reason.CONFLICT.value)


def complete(fleet: Fleet, agent_id: str, task_id: str, fence: int | None, said: Completion) -> dict[str, Any]:
    """The end of an attempt as its agent tells it; returns ``{state, verdict, checks}``.

    The same completion again gets the same answer, another one for the same attempt 409. A claim that contradicts
    what is known is refused with 422 ``rejected_receipt`` and changes nothing. Raises Refused, Unavailable.
    """
    sha256 = _digest(said)
    before = fleet.read(lambda sql: _answered(sql, task_id, agent_id, fence, sha256))
    if before is not None:
        return before
    done = said.outcome == "done"
    claimed = claimed_pulls.look(fleet, agent_id, task_id, fence, said.receipt) if done else None
    named = late_receipts.named_pull(fleet, agent_id, task_id, fence, said.receipt) if done else None

    def command(step: Step) -> dict[str, Any]:
        again = _answered(step.sql, task_id, agent_id, fence, sha256)
        if again is not None:
            return again
        held = holding(step.sql, agent_id, task_id, fence)
        answer = _complete(step, agent_id, step.task(task_id), said, claimed, named)
        used = (said.receipt or {}).get("usage")
        attempts.ended_with(
            step.sql,
            task_id,
            held,
            session=said.session,
            start_afresh=said.start_afresh,
            usage=_used(step, used) if used else None,
        )
        answer["state"] = keep_out(step, step.task(task_id)).state.value  # what it cost may be known only now
        attempts.answered(step.sql, task_id, held, sha256, answer)
        return answer

    return fleet.step(command)


def _answered(sql: Any, task_id: str, agent_id: str, fence: int | None, sha256: str) -> dict[str, Any] | None:
    task = tasks.get(sql, task_id)
    attempt = attempts.get(sql, task_id, fence if fence is not None else task.fence)
    if attempt is None or not attempt.answer_sha256 or attempt.agent != agent_id:
        return None
    if attempt.answer_sha256 == sha256:
        return attempt.answer
    raise Refused(text.completed_otherwise(attempt.fence), text.ask_for_a_new_task(), 409, "completed_otherwise")


def _complete(
    step: Step,
    agent_id: str,
    task: Task,
    said: Completion,
    claimed: ClaimedPull | None,
    named: Facts | None,
) -> dict[str, Any]:
    receipt = said.receipt or {}
    receipt_sha = cleaning.digest(json.dumps(receipt, sort_keys=True, ensure_ascii=False))
    attempt = attempts.get(step.sql, task.id, task.fence)
    found = attempt.result if attempt else {}
    checks = _held_against(step, task, attempt, said, claimed, named) if attempt else ()
    event = _event(step, task, said, found, claimed, receipt_sha)
    receipts.put(step.sql, task.id, task.fence, agent_id, receipt_sha, receipt, step.now)
    cause = f"complete:{task.id}:{task.fence}"
    after = record(step, task, event, cause=cause, actor=f"agent:{agent_id}")
    if claimed and isinstance(event, e.ResultAccepted):
        opened = e.PullRequestOpened(claimed.number, ours=False)
        after = record(step, after, opened, cause=f"claimed-pull:{task.id}:{task.fence}", actor=f"agent:{agent_id}")
    settled_later = isinstance(event, (*receipt_facts.ENDED_WELL, e.ResultKept))
    return {
        "task_id": task.id,
        "state": after.state.value,
        "verdict": "pending" if settled_later else "unverified",
        "checks": [check.as_json() for check in checks] if settled_later else [],
    }


def _held_against(
    step: Step,
    task: Task,
    attempt: Attempt,
    said: Completion,
    claimed: ClaimedPull | None,
    named: Facts | None,
) -> tuple[Check, ...]:
    """The receipt held against what is known already; what is not known yet contradicts nothing. Raises Refused."""
    if said.outcome not in ("done", "no_change"):
        return ()
    claims = Claims(said.receipt or {})
    facts = receipt_facts.recorded(step.fleet, step.sql, task, attempt, claims, said.outcome, step.now)
    if claimed is not None:  # the commits are theirs, on a branch of theirs: looked at when the receipt is settled
        facts = replace(facts, work=None, branch=claimed.head_branch, pull_number=claimed.number)
    if named is not None:
        facts = replace(facts, pull=named.pull, pull_looked_for=named.pull_looked_for)
    return signed.checked(claims, facts)


def _event(
    step: Step, task: Task, said: Completion, found: dict[str, Any], claimed: ClaimedPull | None, receipt_sha: str
) -> Event:
    message = cleaning.plain(said.message, 4000) or _summary(said.receipt)
    if said.outcome == "question" and message:
        return e.QuestionAsked(task.fence, message, step.now + QUESTION_SECS)
    if said.outcome == "failed":
        return _failed(step, task, reasons.parse(said.reason), message)
    if said.outcome == "done" and claimed:
        return _accepted(step, task, message, claimed.as_result(task), receipt_sha)
    if said.outcome == "done" and not found:
        raise Refused(text.no_result_yet(), text.send_the_result_first(), 422, Reason.REJECTED_RECEIPT.value)
    if said.outcome == "done" and not found.get("nothing"):
        accepted = _accepted(step, task, message, found, receipt_sha)
        return gates.keep(step, task, accepted, found) or accepted
    if message and task.feedback.working_on:
        return e.NothingToRework(task.fence, cleaning.one_line(message, 600), receipt_sha)
    if message:
        return e.NothingToChange(task.fence, cleaning.one_line(message, 600), receipt_sha)
    return _failed(step, task, Reason.EMPTY_OUTPUT, "")


def _accepted(step: Step, task: Task, summary: str, found: dict[str, Any], receipt_sha: str) -> e.ResultAccepted:
    return e.ResultAccepted(
        fence=task.fence,
        base_sha=str(found["base_sha"]),
        head_sha=str(found["head_sha"]),
        commits=len(found["commits"]),
        files_changed=int(found["files_changed"]),
        insertions=int(found["insertions"]),
        deletions=int(found["deletions"]),
        patch_sha256=str(found["patch_sha256"]),
        summary_sha256=bodies.put(step.sql, summary),
        receipt_sha256=receipt_sha,
    )


def _failed(step: Step, task: Task, reason: Reason, message: str) -> Event:
    fleet = step.fleet
    if reason is Reason.HANDED_BACK and not _keeps_coming_back(step, task):
        return e.AttemptLost(task.fence, reason)
    said = cleaning.one_line(message, 600)
    stuck = retry.same_error(reason, said, [r.event for r in log.of_task(step.sql, task.id)]) or _same_change(
        step, task
    )
    return retry.after_failure(task, reason, said, fleet.policy, step.now, fleet.chance(), stuck=stuck)


def _same_change(step: Step, task: Task) -> bool:
    """Whether this attempt and the one before it, which failed too, handed in the same patch."""
    ended = attempts.of_task(step.sql, task.id)[-2:]
    made = [str(a.result.get("patch_sha256") or "") for a in ended]
    return len(made) == 2 and made[0] == made[1] != "" and ended[0].outcome.startswith("failed")


def _keeps_coming_back(step: Step, task: Task) -> bool:
    """Handing back is free, but not for ever: something about the task may be what ends the agents."""
    ended = [a for a in attempts.of_task(step.sql, task.id) if not a.active][-_MAX_HANDED_BACK:]
    return len(ended) == _MAX_HANDED_BACK and all(a.outcome == "handed back" for a in ended)


def _used(step: Step, said: object) -> dict[str, Any]:
    """What a run used, by model: as its CLI counts it, and what that would cost by our prices."""
    found = usage.estimated(usage.fold(usage.read(said)), step.fleet.settings.price_table())
    return {"models": usage.shown(found)}


def _summary(receipt: dict[str, Any] | None) -> str:
    claims = _table(receipt or {}, "claims")
    said = claims.get("summary") or (receipt or {}).get("summary")
    return cleaning.plain(said, 4000) if isinstance(said, str) else ""


def _table(of: dict[str, Any], name: str) -> dict[str, Any]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _digest(said: Completion) -> str:
    return hashlib.sha256(json.dumps(asdict(said), sort_keys=True).encode()).hexdigest()
