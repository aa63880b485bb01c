"""After a bad end: again, when, or never."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import task
from bot.core.events import (
    Answered,
    AttemptFailed,
    AttemptLost,
    BackoffEnded,
    Claimed,
    GaveUp,
    QuestionAsked,
    RetryRequested,
)
from bot.core.named_times import named_time
from bot.core.reasons import Reason
from bot.core.retry import (
    HOPELESS,
    RULES,
    RetryPolicy,
    after_failure,
    after_loss,
    backoff,
    same_error,
)
from bot.core.states import State
from bot.core.task import Task
from tests.unit.core.samples import a_task, after, created

POLICY = RetryPolicy(backoff_secs=30, backoff_max_secs=900, max_lost_runs=3)


def claimed(now: Task, agent: str = "gpu-1") -> Task:
    claim = Claimed(now.fence + 1, agent, "codex-cli", "h", "http_pull")
    return task.apply(now, now.id, claim, 2000.0, now.version + 1)


@pytest.mark.parametrize(
    ("failures", "secs"), [(1, 30), (2, 60), (3, 120), (5, 480), (6, 900), (50, 900), (10_000, 900)]
)
def test_the_pause_doubles_up_to_its_limit(failures: int, secs: float) -> None:
    assert backoff(POLICY, failures, 0.5) == pytest.approx(secs)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_chance_moves_it_by_a_fifth_at_most(failures: int, chance: float) -> None:
    assert 30 * 0.8 <= backoff(POLICY, failures, chance) <= 900 * 1.2


def test_no_pause_is_possible() -> None:
    assert backoff(RetryPolicy(0, 0), 5, 0.9) == 0


#: Every reason: when there is another attempt, by whom, and whether it costs one of the task's own.
TABLE = {
    "auth": ("backoff", "other", False),
    "rate_limited": ("named", "same", False),
    "quota_until": ("named", "other", False),
    "model_error": ("backoff", "same", False),
    "timeout": ("backoff", "same", True),
    "stalled": ("backoff", "afresh", True),
    "crashed": ("backoff", "afresh", True),
    "killed": ("backoff", "other", False),
    "lost": ("now", "afresh", False),
    "empty_output": ("backoff", "afresh", True),
    "checks_failed": ("backoff", "same", True),
    "conflict": ("backoff", "same", True),
    "policy": ("never", "same", True),
    "rejected_receipt": ("backoff", "same", True),
    "prompt_invalid": ("never", "same", True),
    "infrastructure": ("backoff", "other", False),
    "unanswered": ("never", "same", True),
    "budget": ("never", "same", True),
    "handed_back": ("backoff", "other", True),
    "agent_failed": ("backoff", "same", True),
}
#: What follows for every reason: nothing spent, the task's own retries spent, those for others' faults spent.
NEXT = {
    "auth": ("again", "again", "over"),
    "rate_limited": ("again", "again", "over"),
    "quota_until": ("again", "again", "over"),
    "model_error": ("again", "again", "over"),
    "timeout": ("again", "over", "again"),
    "stalled": ("again", "over", "again"),
    "crashed": ("again", "over", "again"),
    "killed": ("again", "again", "over"),
    "lost": ("now", "now", "over"),
    "empty_output": ("again", "over", "again"),
    "checks_failed": ("again", "over", "again"),
    "conflict": ("again", "over", "again"),
    "policy": ("over", "over", "over"),
    "rejected_receipt": ("again", "over", "again"),
    "prompt_invalid": ("over", "over", "over"),
    "infrastructure": ("again", "again", "over"),
    "unanswered": ("over", "over", "over"),
    "budget": ("over", "over", "over"),
    "handed_back": ("again", "over", "again"),
    "agent_failed": ("again", "over", "again"),
}
OWN = sorted(r for r, rule in RULES.items() if rule.counts and r not in HOPELESS)
OTHERS = sorted(r for r, rule in RULES.items() if not rule.counts)


def test_every_reason_has_its_rule() -> None:
    assert {r.value: (rule.when.value, rule.whom.value, rule.counts) for r, rule in RULES.items()} == TABLE
    assert set(RULES) == set(Reason)
    assert NEXT.keys() == TABLE.keys()


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("others", [0, POLICY.max_others - 1, POLICY.max_others])
@pytest.mark.parametrize("failures", [0, 1, 2])
def test_every_reason_under_every_policy(reason: Reason, failures: int, others: int) -> None:
    """A reason without a row fails here, and so does a rule that nobody wrote into the table."""
    fresh, own_spent, others_spent = NEXT[reason.value]
    told = {own_spent} if failures == 2 else {fresh}
    if others == POLICY.max_others:
        told.add(others_spent)
    wanted = "over" if "over" in told else told.pop()
    running = a_task(State.RUNNING, fence=3, failures=failures, others=others, max_retries=2)
    event = after_failure(running, reason, "why", POLICY, 1000.0, 0.5)
    if wanted == "over":
        assert event == GaveUp(3, reason, "why")
        return
    wait = 0.0 if wanted == "now" else min(30.0 * 2 ** (failures + others), 900.0)
    assert event == AttemptFailed(3, reason, "why", 1000.0 + wait, counts=TABLE[reason.value][2])


@pytest.mark.parametrize("reason", OTHERS)
def test_failures_that_are_not_its_fault_are_counted_apart(reason: Reason) -> None:
    now = claimed(after(created(max_retries=0)))
    event = after_failure(now, reason, "", POLICY, 5000.0, 0.5)
    assert isinstance(event, AttemptFailed)
    after_it = task.apply(now, now.id, event, 5000.0, now.version + 1)
    assert (after_it.failures, after_it.others) == (0, 1)
    assert isinstance(after_failure(a_task(State.RUNNING, fence=1, others=5), reason, "", POLICY, 1.0, 0.5), GaveUp)


@pytest.mark.parametrize("reason", OWN)
def test_the_same_twice_is_no_progress(reason: Reason) -> None:
    running = a_task(State.RUNNING, fence=2, failures=1, max_retries=9)
    event = after_failure(running, reason, "boom", POLICY, 0.0, 0.0, stuck=True)
    assert event == GaveUp(2, reason, "boom; the same twice in a row, so it is not tried again")


@pytest.mark.parametrize("reason", OTHERS)
def test_the_world_may_fail_the_same_way_twice(reason: Reason) -> None:
    running = a_task(State.RUNNING, fence=2, others=1)
    assert isinstance(after_failure(running, reason, "boom", POLICY, 0.0, 0.0, stuck=True), AttemptFailed)


@pytest.mark.parametrize(
    ("message", "secs"),
    [
        ("usage limit reached|1790003600", 3600),
        ("Please try again in 1h 30m.", 5400),
        ("429: retry after 20 seconds", 20),
        ("rate limit; resets in 2 days", 172_800),
        ("quota resets at 2026-09-21T13:33:20Z", 0),
        ("quota until 2026-09-21T15:13:20+00:00", 3600),
        ("retry after 99 days", 0),
        ("You've hit your session limit · resets 3pm", 2800),
        ("You've hit your limit · resets 5pm (Europe/Berlin)", 2800),
        ("Claude usage limit reached. Your limit will reset at 11:30am (America/New_York).", 4600),
        ("You've hit your usage limit. Try again at 2:05 PM.", 86_400 - 500),
        ("You've hit your usage limit. Try again at Sep 22nd, 2026 9:53 AM.", 70_780),
        ("Access resets at 7:30 AM PDT.", 1000),
        ("weekly limit · resets Sep 23, 1pm (UTC)", 168_400),
        ("resets 1:53pm", 86_400 - 1220),
        ("resets Feb 30, 1pm", 0),
        ("resets 17pm", 0),
        ("resets 25:00", 0),
        ("resets 15:00 (Nowhere/Land)", 2800),
        ("resets 15:00 (America/Argentina)", 2800),
        ("try again in 5\u017f", 0),
        ("resets Oct 30, 1pm", 0),
        ("it resets 3 things", 0),
        ("try again later", 0),
        ("", 0),
    ],
)
def test_the_time_that_a_provider_names(message: str, secs: float) -> None:
    now = 1_790_000_000.0
    found = named_time(message, now)
    assert found == (pytest.approx(now + secs, abs=1) if secs else 0.0)
    event = after_failure(a_task(State.RUNNING, fence=1), Reason.QUOTA_UNTIL, message, POLICY, now, 0.5)
    assert isinstance(event, AttemptFailed)
    assert event.retry_at == pytest.approx(now + secs + 30, abs=1)


@pytest.mark.parametrize(
    ("before", "then", "same"),
    [
        ("3 of 212 tests fail", "3 of 212 tests fail", True),
        ("3 of 212 tests fail", "2 of 212 tests fail", False),
        ("at 11:02:03 in 4.2s: 0xff12 deadbeef01", "at 12:00:00 in 5.1s: 0xab1 cafebabe99", True),
        ("", "", False),
    ],
)
def test_the_same_error_whatever_the_clock_says(before: str, then: str, same: bool) -> None:
    failed = AttemptFailed(1, Reason.AGENT_FAILED, before, 9.0)
    assert same_error(Reason.AGENT_FAILED, then, [failed, BackoffEnded()]) is same
    assert not same_error(Reason.CHECKS_FAILED, then, [failed])
    assert not same_error(Reason.TIMEOUT, then, [replace(failed, reason=Reason.TIMEOUT)])
    assert not same_error(Reason.AGENT_FAILED, then, [failed, RetryRequested("ann", False, "b")])


@pytest.mark.parametrize("reason", OWN)
def test_two_retries_and_then_it_is_over(reason: Reason) -> None:
    now = after(created(max_retries=2))
    for attempt in (1, 2):
        now = claimed(now)
        event = after_failure(now, reason, "why", POLICY, 5000.0, 0.5)
        assert event == AttemptFailed(attempt, reason, "why", 5000.0 + 30 * attempt)
        now = task.apply(now, now.id, event, 5000.0, now.version + 1)
        assert not now.claimable
        now = task.apply(now, now.id, BackoffEnded(), 5100.0, now.version + 1)
    assert after_failure(claimed(now), reason, "why", POLICY, 6000.0, 0.5) == GaveUp(3, reason, "why")


@pytest.mark.parametrize("reason", sorted(HOPELESS))
def test_what_another_attempt_cannot_mend_is_not_tried_again(reason: Reason) -> None:
    running = a_task(State.RUNNING, fence=1, max_retries=9)
    assert after_failure(running, reason, "", POLICY, 0.0, 0.0) == GaveUp(1, reason, "")


def test_without_retries_the_first_failure_is_the_last() -> None:
    running = a_task(State.RUNNING, fence=1, max_retries=0)
    assert isinstance(after_failure(running, Reason.CRASHED, "", POLICY, 0.0, 0.0), GaveUp)


def test_the_third_lost_run_in_a_row_ends_it() -> None:
    now = after(created(max_retries=0))
    for attempt in (1, 2):
        now = claimed(now)
        event = after_loss(now, POLICY, 180)
        assert event == AttemptLost(attempt, Reason.LOST, 180)
        now = task.apply(now, now.id, event, 5000.0, now.version + 1)
        assert now.claimable, "a lost run waits for nothing"
        assert now.failures == 0, "and costs no attempt"
    assert after_loss(claimed(now), POLICY, 180) == GaveUp(3, Reason.LOST, "")


def test_a_run_that_came_to_an_end_begins_the_count_anew() -> None:
    now = after(created())
    for _ in range(2):
        now = claimed(now)
        now = task.apply(now, now.id, after_loss(now, POLICY, 1), 5000.0, now.version + 1)
    now = claimed(now)
    asked = task.apply(now, now.id, QuestionAsked(now.fence, "?", 9000.0), 5000.0, now.version + 1)
    resumed = claimed(task.apply(asked, now.id, Answered("ann", "x"), 5001.0, asked.version + 1))
    assert resumed.lost == 0
    assert isinstance(after_loss(resumed, POLICY, 1), AttemptLost)


def test_a_resumed_attempt_that_fails_counts_as_one() -> None:
    asked = after(created(), Claimed(1, "gpu-1", "codex-cli", "h", "m"), QuestionAsked(1, "?", 9000.0))
    resumed = claimed(task.apply(asked, asked.id, Answered("ann", "x"), 5001.0, asked.version + 1))
    assert (resumed.fence, resumed.failures, resumed.question) == (2, 0, "")
    assert after_failure(resumed, Reason.CRASHED, "", POLICY, 0.0, 0.5) == AttemptFailed(2, Reason.CRASHED, "", 30.0)
