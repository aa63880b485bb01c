"""The four ways in which a host does not do what it should."""

from bot.core import host_text as text
from bot.core.errors import Refused, Unavailable


class Unreachable(Unavailable):
    """No way to the host, or it fell silent. ``ambiguous``: the request may have been carried out."""

    def __init__(self, host: str, why: str, *, ambiguous: bool = False) -> None:
        super().__init__(text.unreachable(host, why), ambiguous=ambiguous)


class AuthRefused(Refused):
    """The host does not let us in, or we have no key to show. Trying again does not help."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason, fix, status=502, kind="auth_refused")


class HostKeyProblem(Refused):
    """An unknown or changed host key; nothing was sent. ``fingerprint`` is the one seen (SHA256:…)."""

    def __init__(self, reason: str, fix: str, fingerprint: str) -> None:
        super().__init__(reason, fix, status=502, kind="host_key")
        self.fingerprint = fingerprint


class HostBroken(Refused):
    """The wrapper refused; ``kind`` is its word for why (see ``host_text.KINDS``), or ``answer`` for nonsense."""

    def __init__(self, reason: str, fix: str, kind: str) -> None:
        super().__init__(reason, fix, status=409 if kind in ("busy", "stale_fence") else 502, kind=kind)

    @classmethod
    def said(cls, host: str, kind: str, words: str) -> "HostBroken":
        return cls(text.refused_by_host(host, kind, words), text.fix_for(kind), kind)

    @property
    def is_infrastructure(self) -> bool:
        """Whether it is the host's fault rather than the request's: what a breaker counts."""
        return self.kind in ("no_space", "unsafe", "io", "install", "answer", "incomplete")
