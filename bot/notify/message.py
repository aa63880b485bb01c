"""One notice on its way to one destination."""

from dataclasses import dataclass

from bot.core.notices import Notice

#: Seconds that one try may take to connect, and to be answered.
TIMEOUT_SECS = 10.0


@dataclass(frozen=True)
class Message:
    """``id`` is the same each time it is tried; ``made_at`` is when it happened, epoch seconds."""

    id: str
    destination: str
    notice: Notice
    made_at: float
