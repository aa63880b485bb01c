"""What agents took, held against what they may take."""

import pytest

from bot.core import budget
from bot.core.budget import Limit, Spent
from bot.core.usage import Used


def test_reported_cost_counts_before_an_estimate() -> None:
    rows = [Used("a", "run", 10, 5, 0, 0.5, 9.0), Used("b", "run", 1, 1, 0, None, 0.25), Used("c", "run", 1, 1)]
    assert budget.spent(rows) == Spent(19, 0.75, estimated=True)
    assert budget.spent(rows[:1]) == Spent(15, 0.5)


def test_a_sessions_total_is_only_partly_the_last_runs() -> None:
    first, second = Used("m", "session", 100, 10, 0, 1.0), Used("m", "session", 150, 30, 0, 1.5)
    assert budget.own([("s", [first]), ("s", [second])]) == (Used("m", "session", 50, 20, 0, 0.5),)
    assert budget.own([("s", [first]), ("t", [second])]) == (second,)
    assert budget.own([("", [first]), ("", [second])]) == (second,)
    run = Used("m", "run", 7, 7)
    assert budget.own([("s", [first]), ("s", [run])]) == (run,)


@pytest.mark.parametrize(
    ("took", "limit", "said"),
    [
        (Spent(10, 1.0), Limit(), ""),
        (Spent(10, 1.0), Limit(1.0, 10), ""),
        (Spent(10, 1.01), Limit(1.0, 0), "this task has cost $1.01, $1.00 are allowed"),
        (Spent(10, 2.0, estimated=True), Limit(1.0), "this task has cost an estimated $2.00, $1.00 are allowed"),
        (Spent(11, 0.0), Limit(0.0, 10), "this task has used 11 tokens, 10 are allowed"),
    ],
)
def test_what_is_too_much(took: Spent, limit: Limit, said: str) -> None:
    assert budget.exceeded("task", took, limit) == said
