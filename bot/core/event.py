"""What every event is."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Event:
    """Base of all events; ``kind`` is the name in the log and never changes once released."""

    kind: ClassVar[str] = ""
