"""The two ways in which something asked for does not happen; anything else is a bug."""

from dataclasses import dataclass

# Not frozen: contextlib sets ``__traceback__`` on whatever passes through a context manager.


@dataclass(eq=False)
class Refused(Exception):
    """Somebody asked for what cannot be: becomes a reply, a problem+json or a CLI line.

    ``reason`` says what happened and why, ``fix`` what to do now ("" when there is nothing to do).
    ``status`` is the HTTP status that says the same (RFC 9110), ``kind`` a stable machine name.
    """

    reason: str
    fix: str = ""
    status: int = 409
    kind: str = "refused"

    def __str__(self) -> str:
        return f"{self.reason} {self.fix}".rstrip()


class Damaged(Refused):
    """What lies in the database cannot be read: nobody's mistake who asks for it, and only a backup mends it."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason, fix, 500, "damaged_log")


@dataclass(eq=False)
class Unavailable(Exception):
    """The world is not answering; the caller tries again after ``retry_after`` seconds (None: own back-off).

    ``ambiguous`` is True when the request may have taken effect all the same (a timeout, a 5xx after a POST):
    the caller reads back before it sends again.
    """

    what: str
    retry_after: float | None = None
    ambiguous: bool = False

    def __str__(self) -> str:
        return self.what
