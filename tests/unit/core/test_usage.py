"""Adding up what agent CLIs report, each in its own way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import usage
from bot.core.usage import Price, Used


def used(kind: str, tokens: int, cost: float | None = None, model: str = "m") -> Used:
    return Used(model, kind, tokens, tokens * 2, tokens // 2, cost)


def test_steps_add_up_and_later_totals_replace() -> None:
    assert usage.fold([used("step", 10, 0.25), used("step", 20, 0.5)]) == (Used("m", "run", 30, 60, 15, 0.75),)
    assert usage.fold([used("session", 10), used("session", 25)]) == (used("session", 25),)
    assert usage.fold([used("run", 10), used("run", 12)]) == (used("run", 12),)
    assert usage.fold([used("step", 10), used("step", 5), used("run", 15)]) == (used("run", 15),)


def test_models_are_kept_apart() -> None:
    found = usage.fold([used("step", 1, model="b"), used("run", 2, model="a"), used("step", 3, model="b")])
    assert [(one.model, one.input_tokens) for one in found] == [("a", 2), ("b", 4)]


def test_a_session_counts_once_over_its_attempts() -> None:
    attempts = [
        ("s1", [used("session", 10, 0.1)]),
        ("s1", [used("session", 25, 0.3)]),
        ("s2", [used("session", 7)]),
        ("", [used("run", 100)]),
        ("", [used("session", 1000)]),
        ("", [used("session", 2000)]),
    ]
    [found] = usage.total(attempts)
    assert (found.input_tokens, found.reported_usd) == (25 + 7 + 100 + 3000, 0.3)


def test_an_estimate_stands_beside_what_is_reported() -> None:
    [one, other] = usage.estimated(
        [Used("m", "run", 1_000_000, 100_000, 400_000, 9.0), used("run", 1, model="free")],
        {"m": Price(input=3, output=15, cached=0.3)},
    )
    assert one.reported_usd == 9.0
    assert one.estimated_usd == pytest.approx(0.6 * 3 + 0.4 * 0.3 + 0.1 * 15)
    assert other.estimated_usd is None


def test_an_agents_words_are_taken_as_far_as_they_are_numbers() -> None:
    said = [{"model": 7, "kind": "x", "in": -1, "out": True, "cache_r": 1e9, "cost_usd": float("inf")}, "no", None]
    assert usage.read(said) == (Used("", "run"),)
    assert usage.read({"model": "m", "kind": "step", "in": 5, "cost_usd": 1}) == (
        Used("m", "step", 5, reported_usd=1.0),
    )


@given(st.lists(st.builds(used, st.sampled_from(usage.KINDS), st.integers(0, 99), st.none(), st.sampled_from("ab"))))
def test_folding_a_fold_changes_nothing(reports: list[Used]) -> None:
    once = usage.fold(reports)
    assert usage.fold(once) == once
    assert usage.fold(usage.read(usage.shown(once))) == once
