"""One lock around the forge's state: every verb takes it."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from bot.standin.forge import Standin

P = ParamSpec("P")
R = TypeVar("R")


class _OfForge(Protocol):
    @property
    def forge(self) -> "Standin": ...


S = TypeVar("S", bound=_OfForge)


def locked(verb: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Run a method under its forge's lock (reentrant: verbs use verbs)."""

    @functools.wraps(verb)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.forge.lock:
            return verb(self, *args, **kwargs)

    return guarded
