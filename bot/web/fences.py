"""Whether a call may come without the number of the attempt that it is about."""

from bot.core import api_text as text
from bot.web.callers import Caller
from bot.web.requests import WrongFields


def fence_of(caller: Caller, sent: int | None) -> int | None:
    """``sent``; None only from callers of the earlier wire: "the attempt this agent holds now".

    Raises WrongFields (422) when it is missing.
    """
    if sent is None and not caller.fenceless:
        raise WrongFields([("fence", text.fence_missing())])
    return sent
