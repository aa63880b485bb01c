"""Quiet hours, and what makes two notices the same."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.core.notices import Kind, Notice, Quiet, Severity, hours, zone

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("window", "now", "until"),
    [
        ("22:00-07:00", "2026-11-23 21:59", "2026-11-23 21:59"),
        ("22:00-07:00", "2026-11-23 22:00", "2026-11-24 07:00"),
        ("22:00-07:00", "2026-11-24 03:30", "2026-11-24 07:00"),
        ("22:00-07:00", "2026-11-24 07:00", "2026-11-24 07:00"),
        ("12:00-13:00", "2026-11-24 12:30", "2026-11-24 13:00"),
        ("12:00-13:00", "2026-11-24 13:30", "2026-11-24 13:30"),
        ("22:00-07:00", "2027-03-27 23:00", "2027-03-28 07:00"),  # an hour of that night is left out
        ("22:00-07:00", "2026-10-24 23:00", "2026-10-25 07:00"),  # an hour of that night comes twice
        ("22:00-00:00", "2026-11-24 23:00", "2026-11-25 00:00"),
    ],
)
def test_quiet_hours_end_by_the_clock_on_the_wall(window: str, now: str, until: str) -> None:
    found = hours(window)
    assert found
    quiet = Quiet(*found, BERLIN, Severity.CRITICAL)
    assert quiet.until(Severity.WARNING, at(now)) == at(until)
    assert quiet.until(Severity.CRITICAL, at(now)) == at(now)


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    quiet = Quiet(22 * 60, 2 * 60 + 30, BERLIN, Severity.CRITICAL)
    first = at("2026-10-25 02:10")
    assert quiet.until(Severity.WARNING, first) == first + 20 * 60
    assert quiet.until(Severity.WARNING, first + 3600) == first + 3600 + 20 * 60


@pytest.mark.parametrize("window", ["", "22-7", "24:00-07:00", "07:00-07:00", "22:00-07:00 ", "22:60-07:00"])
def test_what_is_no_window(window: str) -> None:
    assert hours(window) is None


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe", "x\0"])
def test_what_is_no_time_zone(name: str) -> None:
    assert zone(name) is None


def test_the_same_cause_is_the_same_notice_for_one_destination_only() -> None:
    one, other = (Notice(Kind.FAILED, cause, "t", "x") for cause in ("failed:1", "failed:2"))
    assert len({one.id_for("a"), one.id_for("b"), other.id_for("a"), one.id_for("a")}) == 3
