"""Ids sort by time and do not repeat."""

import re

from bot.core import ids


def test_later_ids_are_greater_as_text() -> None:
    moments = [0.0, 1.0, 1.002, 1_700_000_000.0, 1_700_000_000.002, 4_000_000_000.0]
    made = [ids.new("t", at) for at in moments]
    assert made == sorted(made)


def test_the_shape_and_that_none_comes_twice() -> None:
    made = [ids.new("rcp", 1_700_000_000.0) for _ in range(2000)]
    assert all(re.fullmatch(r"rcp_[0-9a-hjkmnp-tv-z]{26}", x) for x in made)
    assert len(set(made)) == len(made)
