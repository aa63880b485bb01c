"""The time from which a provider, by its own words, answers again. Pure: whoever asks says what time it is.

What the CLIs print: ``try again in 1h 30m`` · ``|1790003600`` · ``2026-09-21T15:13:20Z`` · ``resets 3pm (Asia/Tokyo)``
· ``resets Oct 6, 1pm`` · ``try again at 3:05 PM`` · ``Access resets at 4:17 PM PDT``.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Longest wait for a time that a provider named.
MAX_WAIT_SECS: Final = 7 * 86_400.0

#: Without ASCII the long s (U+017F) would be an "s", too.
_PLAIN: Final = re.IGNORECASE | re.ASCII
_UNITS: Final[Mapping[str, float]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_IN: Final = re.compile(
    r"(?:try again|retry|available|resets?)(?: after| in)?:? *((?:[0-9.]+ *(?:d|h|m|s)[a-z]* *)+)", _PLAIN
)
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([dhms])", _PLAIN)
_EPOCH: Final = re.compile(r"(?<![0-9])(1[0-9]{9})(?![0-9])")
_ISO: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{5,8}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_OF_DAY: Final = re.compile(
    r"(?:try again|retry|available(?: again)?|resets?)(?: at| on)?:? "
    rf"(?:(?P<month>{'|'.join(_MONTHS)})[a-z]{{0,6}}\.? (?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?"
    r"(?:,? (?P<year>20[0-9]{2}))?,? (?:at )?)?"
    r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2}))? ?(?P<half>[ap]m)?\b"
    r"(?: \(?(?P<zone>[A-Za-z][A-Za-z_]{1,30}(?:/[A-Za-z_+-]{2,30}){0,2})\b)?",
    _PLAIN,
)
#: Hours east of Greenwich of the short names that CLIs print.
_SHORT: Final[Mapping[str, float]] = {
    "UTC": 0, "GMT": 0, "BST": 1, "CET": 1, "CEST": 2, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
    "PST": -8, "PDT": -7, "IST": 5.5, "JST": 9,
}  # fmt: skip


def named_time(message: str, now: float) -> float:
    """Seconds since the epoch; 0 when it names none that makes sense. The latest counts where there are several.

    A time of day without a zone is taken for UTC: where the CLI ran is not known here.
    """
    found = [now + _span(x[1]) for x in _IN.finditer(message)]
    found += [float(x[1]) for x in _EPOCH.finditer(message)]
    found += _iso(message)
    found += [at for x in _OF_DAY.finditer(message) if (at := _of_day(x, now))]
    return max((at for at in found if now < at <= now + MAX_WAIT_SECS), default=0.0)


def _span(words: str) -> float:
    return sum(float(count) * _UNITS[unit.lower()] for count, unit in _PART.findall(words))


def _iso(message: str) -> Iterator[float]:
    for one in _ISO.findall(message):
        try:
            yield datetime.fromisoformat(one).astimezone(UTC).timestamp()
        except ValueError:
            continue


def _of_day(found: re.Match[str], now: float) -> float:
    """The next moment at which clocks there show this; 0 when no clock ever does."""
    half, zone = (found["half"] or "").lower(), _zone(found["zone"] or "")
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    if not half and found["minute"] is None:
        return 0.0  # "resets 3" may be anything
    if half and not 1 <= hour <= 12:
        return 0.0
    hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
    here = datetime.fromtimestamp(now, zone)
    try:
        at = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if not found["month"]:
            return (at if at > here else at + timedelta(days=1)).timestamp()
        at = at.replace(month=1 + _MONTHS.index(found["month"].lower()), day=int(found["day"]))
        if found["year"]:
            return at.replace(year=int(found["year"])).timestamp()
        return (at if at > here else at.replace(year=at.year + 1)).timestamp()
    except ValueError:
        return 0.0


def _zone(name: str) -> tzinfo:
    if name.upper() in _SHORT:
        return timezone(timedelta(hours=_SHORT[name.upper()]))
    try:
        return ZoneInfo(name) if "/" in name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones, like America/Indiana, is an OSError
        return UTC
