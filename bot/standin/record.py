"""What the forge was asked, for assertions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """One answered request; ``path`` as it came (still quoted), ``login`` "" for nobody signed in."""

    method: str
    path: str
    query: str
    login: str
    status: int
    body: bytes
    at: float
