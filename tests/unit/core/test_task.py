"""The state machine: every event in every state, and what holds whatever happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import events as e
from bot.core import recorded, states, task
from bot.core.errors import Refused
from bot.core.events import KINDS, Event
from bot.core.reasons import Reason
from bot.core.recorded import Recorded
from bot.core.states import FINAL, TRANSITIONS, State
from bot.core.task import IllegalTransition, Task
from tests.unit.core.histories import histories, possible
from tests.unit.core.samples import a_task, after, created, of_each_kind, requested

CLAIM = e.Claimed(1, "gpu-1", "codex-cli", "host", "http_pull")
RESULT = e.ResultAccepted(1, "b" * 40, "h" * 40, 1, 2, 3, 4, "p", "s", "r")


def test_there_is_a_sample_of_every_kind() -> None:
    assert {type(x) for x in of_each_kind(1)} == set(KINDS.values())


@pytest.mark.parametrize("event", of_each_kind(3), ids=lambda x: x.kind)
@pytest.mark.parametrize("state", [None, *State])
def test_every_event_in_every_state(state: State | None, event: Event) -> None:
    """The full product: what the table lists leads where it says, everything else is refused."""
    before = a_task(state, fence=3) if state else None
    wanted = TRANSITIONS.get((state, type(event)))
    if wanted is None:
        with pytest.raises(IllegalTransition) as refused:
            task.apply(before, "t_1", event, 2000.0, 2)
        assert (refused.value.status, refused.value.kind) == (409, "illegal_transition")
        assert (state.value if state else "new") in refused.value.reason
        return
    then = task.apply(before, "t_1", event, 2000.0, 2)
    assert (then.state, then.version, then.changed_at) == (wanted, 2, 2000.0)
    if wanted not in states.LEASED:
        assert (then.agent, then.host, then.claimed_at) == ("", "", 0.0)


def test_the_table_is_what_the_states_mean() -> None:
    for state in State:
        after_it = states.next_events(state)
        assert (e.Cancelled in after_it) is not (state in FINAL), f"{state}: cancel is legal until it is over"
        assert (e.RetryRequested in after_it) is (state in FINAL or state is State.REVIEW)
        assert (e.Approved in after_it) is (state is State.REQUESTED)
        assert (e.Merged in after_it) is (state is not State.DONE)
    assert {s for s, event in TRANSITIONS if event is e.Claimed} == {State.QUEUED}


@pytest.mark.parametrize("fence", [0, 1, 3])
@pytest.mark.parametrize("event_type", [e.Started, e.AttemptLost, e.ResultAccepted, e.QuestionAsked, e.GaveUp])
def test_a_report_of_another_attempt_is_stale(fence: int, event_type: type[Event]) -> None:
    event = next(x for x in of_each_kind(fence) if type(x) is event_type)
    with pytest.raises(Refused) as refused:
        task.apply(a_task(State.ASSIGNED, fence=2), "t_1", event, 2000.0, 9)
    assert refused.value.kind == "stale_fence"


@pytest.mark.parametrize("fence", [0, 2, 4])
def test_a_claim_is_the_next_attempt_and_no_other(fence: int) -> None:
    claim = e.Claimed(fence, "gpu-1", "codex-cli", "host", "http_pull")
    with pytest.raises(Refused) as refused:
        task.apply(a_task(State.QUEUED, fence=2), "t_1", claim, 2000.0, 9)
    assert refused.value.kind == "stale_fence"


def test_the_happy_path() -> None:
    done = after(
        created(), CLAIM, e.Started(1), RESULT, e.BranchPushed(1, "h" * 40), e.PullRequestOpened(34),
        e.Merged(34, "bob", "m" * 40),
    )  # fmt: skip
    assert (done.state, done.why, done.ended_by, done.pull_request, done.fence) == (
        State.DONE, "merged", "bob", 34, 1,
    )  # fmt: skip


def test_a_failed_attempt_waits_for_its_time() -> None:
    failed = after(created(), CLAIM, e.AttemptFailed(1, Reason.CRASHED, "boom", 99.0))
    assert (failed.state, failed.failures, failed.not_before, failed.claimable) == (State.QUEUED, 1, 99.0, False)
    assert task.apply(failed, "t_1", e.BackoffEnded(), 99.0, 4).claimable


def test_a_hold_while_backing_off_ends_the_back_off() -> None:
    """No timer runs in `held`; a task let go must not wait for one that is gone."""
    failed = (created(), CLAIM, e.AttemptFailed(1, Reason.CRASHED, "boom", 99.0))
    assert after(*failed, e.HoldPlaced("manual"), e.Released()).claimable


def test_lost_runs_are_counted_in_a_row_and_handing_back_is_none() -> None:
    lost = after(created(), CLAIM, e.AttemptLost(1, Reason.LOST, 180))
    assert (lost.lost, lost.failures, lost.claimable) == (1, 0, True)
    back = after(created(), CLAIM, e.AttemptLost(1, Reason.HANDED_BACK))
    assert (back.lost, back.failures) == (0, 0)
    second = e.Claimed(2, "gpu-2", "codex-cli", "host", "http_pull")
    again = after(created(), CLAIM, e.AttemptLost(1, Reason.LOST), second, e.AttemptFailed(2, Reason.CRASHED, "", 9.0))
    assert (again.lost, again.failures) == (0, 1)


def test_a_question_reserves_the_answer_for_who_asked() -> None:
    asked = after(created(), CLAIM, e.QuestionAsked(1, "Which colour?", 7200.0))
    assert (asked.state, asked.agent, asked.reserved_for) == (State.WAITING, "", "gpu-1")
    assert task.apply(asked, "t_1", e.Answered("ann", "ef"), 2000.0, 4).claimable


def test_holds_are_a_set_and_lifting_one_keeps_the_others() -> None:
    held = after(created(), e.HoldPlaced("manual"), e.HoldPlaced("gate"), e.HoldPlaced("manual"))
    assert held.holds == ("gate", "manual")
    assert after(created(), e.HoldPlaced("gate"), e.HoldPlaced("manual"), e.HoldLifted("manual")).holds == ("gate",)


@pytest.mark.parametrize("end", [e.Merged(34, "bob", "m"), e.PullRequestClosed(34), e.Cancelled("api", "ann")])
def test_what_is_over_is_not_held_any_more(end: Event) -> None:
    over = after(created(), e.HoldPlaced("manual"), end)
    assert over.holds == ()
    again = task.apply(over, "t_1", e.RetryRequested("ann", False, over.branch), 2000.0, 4)
    assert again.claimable
    assert again.holds == ()


def test_a_fresh_retry_forgets_the_old_branch() -> None:
    done = (created(), CLAIM, RESULT, e.BranchPushed(1, "h" * 40), e.PullRequestOpened(34))
    same = after(*done, e.RetryRequested("ann", False, "fleet/12-login", agent="codex-cli", note="please"))
    assert (same.pull_request, same.pushed_sha, same.reserved_for) == (34, "h" * 40, "codex-cli")
    fresh = after(*done, e.RetryRequested("ann", True, "fleet/12-login-2"))
    assert (fresh.pull_request, fresh.pushed_sha, fresh.base_sha, fresh.branch) == (0, "", "", "fleet/12-login-2")
    assert fresh.fence == 1, "attempts are numbered on: an old one never looks new"


@given(histories())
def test_whatever_happens_the_task_stays_sound(history: list[Event]) -> None:
    fence = 0
    for end in range(1, len(history) + 1):
        now = after(*history[:end])
        assert now.fence >= fence, "fences only rise"
        fence = now.fence
        assert (now.agent != "") is now.state.leased
        assert not now.not_before or now.state is State.QUEUED, "only the queue backs off"
        assert not now.holds or now.state is State.HELD
        assert task.decode(task.encode(now)) == now


def test_a_new_task_is_as_its_class_would_make_it() -> None:
    opened = task.apply(None, "t_1", created(), 1000.0, 1)
    same = Task(
        **vars(created()), id="t_1", state=State.QUEUED, version=1, created_at=1000.0, queued_at=1000.0,
        changed_at=1000.0,
    )  # fmt: skip
    assert list(vars(opened).items()) == list(vars(same).items())


@given(histories())
def test_a_fold_is_every_step_after_the_other(history: list[Event]) -> None:
    """`advance` moves a task on in place, `apply` leaves the one before as it was."""
    moved: Task | None = None
    for n, event in enumerate(history, 1):
        before = moved and task.encode(moved)
        copy = moved and task.decode(str(before))
        then = task.apply(moved, "t_1", event, 1000.0 + n, n)
        assert moved == copy
        moved = task.advance(moved, "t_1", event, 1000.0 + n, n)
        assert task.encode(moved) == task.encode(then)


@given(histories())
def test_the_fold_is_the_log_and_nothing_else(history: list[Event]) -> None:
    log = [
        Recorded(n, "t_1", n, 1000.0 + n, "x", f"c{n}", "", recorded.decode(event.kind, recorded.encode(event)))
        for n, event in enumerate(history, 1)
    ]
    assert task.fold(log) == task.fold(list(log)) == after(*history)
    assert task.fold([]) is None


@given(histories(), st.integers(0, 40))
def test_a_refused_event_changes_nothing(history: list[Event], stale: int) -> None:
    now = after(*history)
    before = task.encode(now)
    for event in of_each_kind(stale):
        try:
            task.apply(now, "t_1", event, 5000.0, now.version + 1)
        except Refused:
            assert task.encode(now) == before


def test_every_state_can_be_reached_and_left() -> None:
    reached: dict[State, Task] = {}
    todo = [after(requested()), after(created())]
    while todo:
        now = todo.pop()
        if now.state in reached:
            continue
        reached[now.state] = now
        todo += [task.apply(now, "t_1", event, 5000.0, now.version + 1) for event in possible(now)]
    assert set(reached) == set(State)
    assert all(states.next_events(state) for state in State)
