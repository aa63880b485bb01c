"""A host that keeps failing is set aside, tried again one at a time, and taken back."""

from bot.core.breaker import FIRST_PAUSE_SECS, LONGEST_PAUSE_SECS, Breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(limit=3)
    for _ in range(5):
        breaker = breaker.failed(0, "x").failed(0, "x").succeeded()
        assert breaker.allows(0)
    breaker = breaker.failed(10, "a").failed(10, "b").failed(10, "c")
    assert breaker.is_open
    assert breaker.why == "c"
    assert not breaker.allows(10 + FIRST_PAUSE_SECS - 1)


def test_one_try_is_let_through_when_the_pause_is_over() -> None:
    breaker = Breaker(limit=1).failed(0, "x")
    assert breaker.allows(FIRST_PAUSE_SECS)
    trying = breaker.tried(FIRST_PAUSE_SECS)
    assert not trying.allows(FIRST_PAUSE_SECS)
    assert trying.succeeded().allows(FIRST_PAUSE_SECS)
    again = trying.failed(FIRST_PAUSE_SECS, "y")
    assert not again.allows(3 * FIRST_PAUSE_SECS - 1)
    assert again.allows(3 * FIRST_PAUSE_SECS)


def test_a_pause_grows_to_its_limit_and_no_further() -> None:
    breaker = Breaker(limit=1)
    for _ in range(100):
        breaker = breaker.failed(0, "x")
    assert breaker.opens_at == LONGEST_PAUSE_SECS


def test_what_time_does_not_mend_opens_it_at_once() -> None:
    assert Breaker(limit=3).failed(0, "host key changed", for_good=True).is_open


def test_a_closed_breaker_needs_no_tries() -> None:
    assert Breaker().tried(0) == Breaker()
