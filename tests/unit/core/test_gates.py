"""What waits for approval, and how that is said."""

import pytest

from bot.core import events as e
from bot.core import gate_text, gates, view
from bot.core.budget import Spent
from bot.core.gates import Gates
from bot.core.states import State
from tests.unit.core.samples import a_task, after, created
from tests.unit.core.test_view import HOSTILE, harmless


def test_neither_side_can_take_away_what_the_other_wants() -> None:
    ours, theirs = Gates(("a", "b"), ("db/",), 5.0), Gates(("b", "c"), (), 2.0)
    assert gates.stricter(ours, theirs) == Gates(("a", "b", "c"), ("db/",), 2.0)
    assert gates.stricter(ours, Gates()) == ours
    assert gates.stricter(Gates(), theirs) == theirs


def test_labels_count_without_their_case() -> None:
    assert gates.labels_held(Gates(labels=("Risky",)), {"risky", "bug"}) == ("risky",)
    assert gates.labels_held(Gates(), {"risky"}) == ()


@pytest.mark.parametrize(
    ("usd", "took", "approved", "waits"),
    [
        (0.0, 99.0, 0.0, False),
        (1.0, 1.0, 0.0, False),
        (1.0, 1.01, 0.0, True),
        (1.0, 2.0, 2.5, False),
        (1.0, 2.6, 2.5, True),
    ],
)
def test_cost_over_what_was_agreed(usd: float, took: float, approved: float, waits: bool) -> None:
    assert bool(gates.too_dear(Gates(usd=usd), Spent(1, took), approved)) is waits
    assert gates.next_amount(Gates(usd=1.0), Spent(1, 2.6)) == 3.6


def test_an_estimate_is_called_that() -> None:
    assert "an estimated $2.00" in gates.too_dear(Gates(usd=1.0), Spent(1, 2.0, estimated=True), 0.0)


def test_two_gates_at_once_are_both_named_and_gone_together() -> None:
    held = after(created(), e.HoldPlaced(gates.LABEL, "the label"), e.HoldPlaced(gates.COST, "the cost"))
    assert (held.gate, held.holds) == ("the label; the cost", (gates.COST, gates.LABEL))
    assert view.held(held).startswith("Waits for approval: the label; the cost.")
    gone = after(
        created(), e.HoldPlaced(gates.LABEL, "x"), e.GateApproved(gates.LABEL, "bob", prompt_sha256="cd"), e.Released()
    )
    assert (gone.state, gone.gate, gone.approved_by, gone.prompt_sha256) == (State.QUEUED, "", "bob", "cd")


def test_hostile_labels_paths_and_patches_never_come_alive() -> None:
    why = f"{gate_text.by_label([HOSTILE])}; {gate_text.by_paths([HOSTILE], 'a' * 40)}"
    harmless(view.status_comment(view.Snapshot(a_task(State.HELD, holds=(gates.PATHS,), gate=why, kept_sha="a" * 40))))
    kept = e.ResultKept(1, "b", "a" * 40, 1, 1, 1, 1, "p", "s", "r", (HOSTILE,), why, "x")
    said = view.notice(kept, a_task(State.HELD), "gpu-1", 1.0, f"+```\n{HOSTILE}\n````\n</details>\n")
    before, fence, rest = said.partition("`````text\n")
    assert fence
    assert "</details>" not in before
    assert rest.count("\n`````\n") == 1


def test_a_person_sees_what_a_patch_would_hide() -> None:
    said = gate_text.asks("", "why", "a" * 40, "+a = '\u202e1'\r\n+b\n")
    assert "+a = '⟨U+202E⟩1'\n+b\n" in said
