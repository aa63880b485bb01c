"""What operators are told outside of the forge: kinds, how urgent each is, and when it is quiet.

A notice is made of names, numbers and our own sentences only: no word of an issue, an agent or a log is in it, so
there is nothing in it that could command, inject or leak.
"""

import datetime
import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

_WINDOW: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class Kind(StrEnum):
    """Names are part of the configuration and of what webhooks carry; never rename one."""

    QUESTION = "question"
    FAILED = "failed"
    HOST = "host"
    BUDGET = "budget"
    FORGE = "forge"
    RECOVERED = "recovered"
    TEST = "test"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


SEVERITY: Final = {
    Kind.QUESTION: Severity.WARNING,
    Kind.FAILED: Severity.WARNING,
    Kind.HOST: Severity.CRITICAL,
    Kind.BUDGET: Severity.WARNING,
    Kind.FORGE: Severity.CRITICAL,
    Kind.RECOVERED: Severity.INFO,
    Kind.TEST: Severity.INFO,
}


@dataclass(frozen=True)
class Notice:
    """``cause`` is what makes it the same notice when it is made again; ``url`` "" = there is no page about it."""

    kind: Kind
    cause: str
    title: str
    text: str
    url: str = ""
    task_id: str = ""

    @property
    def severity(self) -> Severity:
        return SEVERITY[self.kind]

    def id_for(self, destination: str) -> str:
        """The same for the same cause and destination, so receivers can drop what comes twice."""
        return hashlib.sha256(f"{destination}\n{self.cause}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Quiet:
    """Hours of the day in which only what is ``unless`` or more urgent is sent; minutes since midnight, there."""

    start: int
    end: int
    zone: datetime.tzinfo
    unless: Severity

    def until(self, severity: Severity, now: float) -> float:
        """When a notice of this severity may go out; ``now`` when it may at once. Epoch seconds."""
        if severity.rank >= self.unless.rank:
            return now
        here = datetime.datetime.fromtimestamp(now, self.zone)
        minute = here.hour * 60 + here.minute
        inside = self.start <= minute < self.end if self.start < self.end else minute >= self.start or minute < self.end
        if not inside:
            return now
        day = here.date() + datetime.timedelta(days=1 if minute >= self.end else 0)
        # in an hour that comes twice, the end that is meant is that of the same turn
        end = datetime.datetime.combine(day, datetime.time(*divmod(self.end, 60), fold=here.fold), self.zone)
        return max(now, end.timestamp())


def hours(window: str) -> tuple[int, int] | None:
    """``22:00-07:00`` as minutes since midnight; None when it is no such window, or an empty one."""
    found = _WINDOW.fullmatch(window)
    if found is None:
        return None
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    return (start, end) if start != end else None


def zone(name: str) -> datetime.tzinfo | None:
    """The time zone of that name; None when this machine does not know it."""
    if name == "UTC":
        return datetime.UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # also names that are paths, folders or no files of that kind
        return None
