"""The same value, the same bytes; what other readers could read differently is refused."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import canonical

_LEAVES = st.none() | st.booleans() | st.integers(-canonical.MAX_INT, canonical.MAX_INT) | st.text()
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def test_members_are_sorted_by_utf_16_and_nothing_else_is_written() -> None:
    # RFC 8785, 3.2.3: an emoji (two code units from D83D on) comes before U+FFFF.
    said = canonical.encode({"\uffff": 1, "\U0001f600": [True, None, "é\x01\n\x7f"], "a": {}})
    assert said == '{"a":{},"\U0001f600":[true,null,"é\\u0001\\n\x7f"],"\uffff":1}'.encode()


@given(_VALUES)
def test_what_was_written_is_read_again_whatever_its_order(value: Any) -> None:
    data = canonical.encode(value)
    assert canonical.decode(data) == value
    assert canonical.encode(json.loads(json.dumps(value, indent=3))) == data


@pytest.mark.parametrize(
    "value", [0.5, 1.0, math.nan, math.inf, 2**53, -(2**53), "\ud800", {1: 2}, {"a": [0.1]}, b"x", {"\udfff": 1}]
)
def test_what_is_outside_the_subset_is_refused(value: object) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.encode(value)


@pytest.mark.parametrize(
    "data", [b'{"a":1,"a":2}', b"1.0", b"NaN", b"-Infinity", b"1e3", b"{", b"\xff", b'"\\ud800"', b"[" * 100_000]
)
def test_a_text_that_readers_could_take_differently_is_refused(data: bytes) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.decode(data)


def test_what_others_wrote_is_brought_in_without_changing_what_it_says() -> None:
    said = canonical.plain({"cost_usd": 0.42, "big": 2**60, "n": [1, None, True, 1e400]})
    assert said == {"cost_usd": "0.42", "big": "1152921504606846976", "n": [1, None, True, "inf"]}
    canonical.encode(said)
