"""What a place in the queue is worth."""

import pytest

from bot.core.queue_wait import expected_secs


@pytest.mark.parametrize(
    ("place", "slots", "free", "runs", "expected"),
    [
        (1, 2, 1, [600], 0.0),
        (2, 2, 1, [600], 300.0),
        (3, 2, 1, [600], 300.0),
        (4, 2, 1, [600], 900.0),
        (1, 1, 0, [60, 600, 6000], 300.0),
        (1, 1, 0, [], None),
        (1, 1, 1, [], 0.0),
        (1, 0, 0, [600], None),
    ],
)
def test_waits_are_told_by_rounds_of_the_median(
    place: int, slots: int, free: int, runs: list[float], expected: float | None
) -> None:
    assert expected_secs(place, slots, free, runs) == expected
