"""Receipts: an agent's claims held against what is known, and what we sign when everything has been looked at.

When an attempt completes, only what contradicts the claims refuses them. Once its pull request is there, the facts
are read again; while CI has not answered the receipt waits (a timer looks again), then it is signed, numbered, kept,
and published: a git note on the head, a commit status, an attachment.
"""

from typing import Any, Final

from bot.core import canonical, cleaning, ids, receipt_rules
from bot.core import receipt_text as text
from bot.core import receipts as core
from bot.core import text as said_to_people
from bot.core.errors import Refused, Unavailable
from bot.core.reasons import Reason
from bot.core.receipt_facts import OWN_CONTEXTS, Claims, Facts
from bot.core.receipt_rules import Check, Result
from bot.core.states import State
from bot.core.task import Task
from bot.service import receipt_facts, receipt_key, receipt_members
from bot.service.fleet import Fleet, Step
from bot.service.wishes import Known, NotWanted
from bot.signing import SigningKey
from bot.store import attempts, outbox, signed_receipts, tasks, timers
from bot.store.attempts import Attempt
from bot.store.outbox import Wish
from bot.store.signed_receipts import Signed
from bot.store.timers import Timer

#: How often CI is asked about while a receipt waits: no webhook tells of commit statuses.
_LOOK_AGAIN_SECS: Final = 60.0
TIMER: Final = "receipt"
CONTEXT: Final = OWN_CONTEXTS[1]
_SHOWN: Final = {Result.VERIFIED: "success", Result.UNVERIFIED: "failure", Result.TAINTED: "error"}


def checked(claims: Claims, facts: Facts) -> tuple[Check, ...]:
    """The rules' answers. Raises Refused (422 ``rejected_receipt``, r12: 409) when the receipt contradicts them."""
    found = receipt_rules.check(claims, facts)
    wrong = receipt_rules.contradiction(found)
    if wrong is not None:
        status, kind = (409, "said_otherwise") if wrong.rule == "r12" else (422, Reason.REJECTED_RECEIPT.value)
        raise Refused(text.refused(wrong.rule, wrong.observed), said_to_people.mend_the_receipt(), status, kind)
    return found


def ask_for(step: Step, task: Task, looks: int = 0) -> None:
    """A receipt for the task's newest attempt, as soon as everything can be looked at; ``looks`` before this one."""
    wish = {"fence": task.fence, "looks": looks}
    outbox.wish(step.sql, f"receipt:{task.id}:{task.fence}", "receipt", task.id, wish, at=step.now)


def look_again(step: Step, timer: Timer) -> None:
    """The timer of a waiting receipt, and the end of its task, ask again."""
    found = outbox.find(step.sql, f"receipt:{timer.task_id}:{timer.fence}")
    if found is not None and signed_receipts.of_attempt(step.sql, timer.task_id, timer.fence) is None:
        wish = {"fence": timer.fence, "looks": int(found.wish["looks"]) + 1}
        outbox.wish(step.sql, found.target, "receipt", timer.task_id, wish, at=step.now)


def task_ended(step: Step, task: Task) -> None:
    """Nothing is waited for any longer: what is known now goes into the receipt."""
    if timers.armed(step.sql, _timer_key(task.id, task.fence)) is not None:
        timers.disarm(step.sql, _timer_key(task.id, task.fence))
        look_again(step, Timer(_timer_key(task.id, task.fence), TIMER, step.now, task.id, task.fence))


def settle(fleet: Fleet, wish: Wish) -> Known:
    """Publisher: looks at everything again and signs, or looks once more later. Raises Unavailable, Refused."""
    fence = int(wish.wish["fence"])
    task, attempt, before = fleet.read(
        lambda sql: (
            tasks.find(sql, wish.task_id),
            attempts.get(sql, wish.task_id, fence),
            signed_receipts.of_attempt(sql, wish.task_id, fence),
        )
    )
    if before is not None:
        return {"receipt_id": before.id}
    end, since = fleet.read(lambda sql: receipt_facts.well_ended_at(sql, wish.task_id, fence))
    if task is None or attempt is None or end is None:
        raise NotWanted(said_to_people.out_of_date())
    sha256 = end.receipt_sha256
    claims = fleet.read(lambda sql: receipt_facts.claims_of(sql, wish.task_id, fence, sha256))
    facts = receipt_facts.looked_up(fleet, task, attempt, claims)
    checks = receipt_rules.check(claims, facts)
    late = fleet.clock() >= since + fleet.settings.orchestrator.receipt_wait_secs
    over = late or task.fence != fence or task.state is not State.REVIEW
    result = receipt_rules.result([(c.rule, c.verdict) for c in checks], over=over)
    if result is Result.PENDING:
        fleet.step(lambda step: _wait(step, task, facts, checks))
        return {}
    key = receipt_key.signer(fleet)
    made = fleet.step(lambda step: _issue(step, key, task, attempt, claims, facts, checks, result))
    return {"receipt_id": made.id}


def _timer_key(task_id: str, fence: int) -> str:
    return f"receipt:{task_id}:{fence}"


def _wait(step: Step, task: Task, facts: Facts, checks: tuple[Check, ...]) -> None:
    key = _timer_key(task.id, facts.fence)
    timers.arm(step.sql, Timer(key, TIMER, step.now + _LOOK_AGAIN_SECS, task.id, facts.fence))
    waits = next((c.observed for c in checks if c.verdict is receipt_rules.Verdict.UNKNOWN), "")
    if facts.published_sha:
        _show(step, task, facts.published_sha, "pending", text.status_waits(waits))


def _show(step: Step, task: Task, sha: str, state: str, description: str) -> None:
    wish = {
        "repo_id": task.repo_id,
        "issue": task.issue,
        "sha": sha,
        "context": CONTEXT,
        "state": state,
        "description": description,
    }
    outbox.wish(step.sql, f"status:{task.repo_id}@{sha}/receipt", "status", task.id, wish, at=step.now)


def _issue(
    step: Step,
    key: SigningKey,
    task: Task,
    attempt: Attempt,
    claims: Claims,
    facts: Facts,
    checks: tuple[Check, ...],
    result: Result,
) -> Signed:
    """Number, link, sign, keep, and ask for publication: one transaction."""
    before = signed_receipts.of_attempt(step.sql, task.id, facts.fence)
    if before is not None:
        return before
    active = receipt_key.active_key(step.sql)
    if active is None or active.key_id != key.key_id:
        raise Unavailable(text.key_is_another(""))  # exchanged a moment ago: the next try reads the new one
    number, prev = signed_receipts.last(step.sql, task.repo_id) or (0, core.GENESIS)
    receipt: dict[str, Any] = {
        "schema": core.SCHEMA,
        "receipt_id": ids.new("rcp", step.now),
        "number": number + 1,
        "prev_receipt_sha256": prev,
        "issued_at": receipt_members.moment(step.now),
        **receipt_members.facts(step, task, attempt, facts, claims),
        "claims": receipt_members.claims(step, task, facts.fence, claims),
        "verdict": {"result": result.value, "checks": [c.as_json() for c in checks]},
    }
    signed = core.with_signature(receipt, key.key_id, key.sign(core.to_sign(receipt)))
    made = Signed(
        id=receipt["receipt_id"],
        repo_id=task.repo_id,
        number=number + 1,
        task_id=task.id,
        fence=facts.fence,
        sha256=core.digest(receipt),
        prev_sha256=prev,
        result=result.value,
        key_id=key.key_id,
        body=canonical.encode(signed).decode(),
        created_at=step.now,
    )
    signed_receipts.add(step.sql, made)
    timers.disarm(step.sql, _timer_key(task.id, facts.fence))
    _publish(step, task, made, facts.published_sha)
    return made


def _publish(step: Step, task: Task, made: Signed, sha: str) -> None:
    where = {"repo_id": task.repo_id, "issue": task.issue, "receipt_id": made.id}
    outbox.wish(step.sql, f"attachment:{made.id}", "attachment", task.id, where, at=step.now)
    if sha:
        outbox.wish(step.sql, f"note:{made.id}", "note", task.id, where | {"sha": sha}, at=step.now)
        _show(step, task, sha, _SHOWN[Result(made.result)], text.status_line(made.sha256, made.result))


def named(claims: Claims) -> str:
    """The receipt id that the agent gave its receipt, "" for none."""
    found = claims.said.get("receipt_id")
    return cleaning.one_line(found, 100) if isinstance(found, str) else ""
