"""After a bad end: again, when, or never."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import task
from bot.core.events import Answered, AttemptFailed, AttemptLost, BackoffEnded, Claimed, GaveUp, QuestionAsked
from bot.core.reasons import Reason
from bot.core.retry import HOPELESS, RetryPolicy, after_failure, after_loss, backoff
from bot.core.task import State, Task
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


@pytest.mark.parametrize("reason", sorted(set(Reason) - HOPELESS))
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
