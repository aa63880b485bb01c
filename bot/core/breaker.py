"""When to stop asking a host that keeps failing, and when to try it again. Pure: the caller brings the time."""

from dataclasses import dataclass, replace
from typing import Final

FAILURES: Final = 3
FIRST_PAUSE_SECS: Final = 30.0
LONGEST_PAUSE_SECS: Final = 900.0


@dataclass(frozen=True)
class Breaker:
    """Failures of a host's infrastructure in a row; times are seconds of one clock (a monotonic one will do).

    Below ``limit`` failures it is closed: work is sent. Then the host is set aside until ``opens_at``; after that
    now and then one try is let through (half-open). A success closes it, a failure doubles the pause.
    """

    limit: int = FAILURES
    failures: int = 0
    opens_at: float = 0.0
    why: str = ""

    def allows(self, now: float) -> bool:
        """Whether the host may be asked now; when half-open, follow with ``tried``."""
        return not self.is_open or now >= self.opens_at

    @property
    def is_open(self) -> bool:
        return self.failures >= self.limit

    def tried(self, now: float) -> "Breaker":
        """One try is on its way; no other for a while, whatever comes of it."""
        return replace(self, opens_at=now + FIRST_PAUSE_SECS) if self.is_open else self

    def succeeded(self) -> "Breaker":
        return Breaker(self.limit)

    def failed(self, now: float, why: str, *, for_good: bool = False) -> "Breaker":
        """After a failure; ``for_good`` (a changed host key, a refused log-in) opens it at once."""
        failures = max(self.failures + 1, self.limit if for_good else 0)
        pause = min(LONGEST_PAUSE_SECS, FIRST_PAUSE_SECS * 2.0 ** min(max(0, failures - self.limit), 10))
        return Breaker(self.limit, failures, now + pause if failures >= self.limit else 0.0, why)
