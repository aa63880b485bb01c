"""What can go wrong between the forge and those who talk with it, on request."""

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

DeliveryFault = Literal["lost", "doubled", "held back"]


@dataclass(eq=False)
class Failure:
    """Answer ``status`` to the next ``times`` such requests; ``applied``: after doing what they ask."""

    method: str
    path: str
    status: int
    times: int
    applied: bool

    def matches(self, method: str, path: str) -> bool:
        """True while this failure still wants such a request."""
        return self.times > 0 and fnmatchcase(method, self.method) and fnmatchcase(path, self.path)


@dataclass(eq=False)
class Faults:
    """Told by a test or the demo; nothing is wrong until then. Paths are globs over the URL's path."""

    down: Literal["", "closing", "answering 503"] = ""
    slow_secs: float = 0.0
    slow_path: str = "*"
    failures: list[Failure] = field(default_factory=list)
    delivery_faults: list[DeliveryFault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _wakes: threading.Event = field(default_factory=threading.Event)

    def goes_down(self, *, answering: bool = False) -> None:
        """Close every connection without a word, or answer 503 when ``answering``."""
        self.down = "answering 503" if answering else "closing"

    def comes_back(self) -> None:
        """All is well again; forgets every other fault too."""
        self.down = ""
        self.slow_secs = 0.0
        self.failures.clear()
        self.delivery_faults.clear()
        self._wakes.set()

    def is_slow(self, secs: float, path: str = "*") -> None:
        """Let each matching request wait (until ``comes_back`` at the latest)."""
        self._wakes.clear()
        self.slow_secs, self.slow_path = secs, path

    def wait(self, path: str) -> None:
        """Where slowness happens."""
        if self.slow_secs and fnmatchcase(path, self.slow_path):
            self._wakes.wait(self.slow_secs)

    def fails(
        self, method: str = "*", path: str = "*", *, status: int = 502, times: int = 1, applied: bool = False
    ) -> None:
        """Fail the next ``times`` such requests; ``applied=True`` loses the answer, not the deed."""
        with self._lock:
            self.failures.append(Failure(method, path, status, times, applied))

    def take_failure(self, method: str, path: str) -> Failure | None:
        """The failure meant for this request, used up once."""
        with self._lock:
            for failure in self.failures:
                if failure.matches(method, path):
                    failure.times -= 1
                    return failure
        return None

    def loses_deliveries(self, times: int = 1) -> None:
        """The next deliveries never leave."""
        self.delivery_faults += ["lost"] * times

    def doubles_deliveries(self, times: int = 1) -> None:
        """The next deliveries arrive twice (with two UUIDs: as from two hooks with one URL)."""
        self.delivery_faults += ["doubled"] * times

    def reorders_deliveries(self, times: int = 1) -> None:
        """The next deliveries arrive after the one that follows them."""
        self.delivery_faults += ["held back"] * times

    def take_delivery_fault(self) -> DeliveryFault | None:
        """What happens to the delivery that leaves now."""
        with self._lock:
            return self.delivery_faults.pop(0) if self.delivery_faults else None
