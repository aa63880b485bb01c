"""What a log tells without its contents is what the whole of it tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import states
from bot.core.events import KINDS, Event
from bot.core.outline import Outline, Step, outlines
from bot.core.states import BY_KIND, TRANSITIONS, State
from tests.unit.core.histories import histories
from tests.unit.core.samples import after


def steps(task_id: str, history: list[Event]) -> list[Step]:
    """As `after` makes a task of them."""
    return [(task_id, n, 1000.0 + n, event.kind) for n, event in enumerate(history, 1)]


def test_the_table_by_kind_is_the_table() -> None:
    assert set(BY_KIND) == {None, *State}
    assert {(state, KINDS[kind]): to for state, moves in BY_KIND.items() for kind, to in moves.items()} == TRANSITIONS


def test_only_a_claim_begins_an_attempt() -> None:
    """The outline counts on it: every time that a task comes to be assigned is an attempt of its own."""
    into = {(state, event.kind) for (state, event), to in TRANSITIONS.items() if to is State.ASSIGNED is not state}
    assert into == {(State.QUEUED, "claimed")}


@given(st.lists(histories(), max_size=4))
def test_the_outline_is_that_of_the_fold(several: list[list[Event]]) -> None:
    log = [step for number, history in enumerate(several) for step in steps(f"t_{number}", history)]
    wanted = []
    for number, history in enumerate(several):
        full = after(*history)
        wanted.append(
            Outline(
                f"t_{number}", full.state, full.version, full.fence, full.created_at, full.queued_at, full.changed_at
            )
        )
    assert list(outlines(log)) == wanted


@given(histories(), st.sampled_from(sorted(KINDS)), st.data())
def test_a_step_that_is_not_possible_is_seen(history: list[Event], kind: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(history)))
    before = after(*history[:place]).state if place else None
    if states.target(before, KINDS[kind]) is not None:
        return
    log = [*steps("t_1", history[:place]), ("t_1", place + 1, 5000.0, kind), ("t_1", place + 2, 5001.0, "claimed")]
    [seen] = outlines(log)
    assert (seen.impossible, seen.state, seen.version) == ((place + 1, kind), before, place + 2)


@pytest.mark.parametrize(("numbers", "missing"), [((1, 2, 3), ()), ((2, 3), ((1, 1),)), ((1, 4, 6), ((2, 3), (5, 5)))])
def test_a_number_that_is_missing_is_seen_once(numbers: tuple[int, ...], missing: tuple[object, ...]) -> None:
    kinds = ["task_created", *["display_repaired"] * 5]
    [seen] = outlines(("t_1", n, 1.0, kind) for n, kind in zip(numbers, kinds, strict=False))
    assert (seen.missing, seen.version, seen.impossible) == (missing, numbers[-1], None)


def test_a_kind_from_the_future_is_not_possible() -> None:
    [seen] = outlines([("t_1", 1, 1.0, "task_created"), ("t_1", 2, 2.0, "blessed")])
    assert (seen.state, seen.impossible) == (State.QUEUED, (2, "blessed"))
