"""What went wrong, as the reason the server knows."""

from collections.abc import Mapping
from typing import Final

from bot.core.errors import Refused
from bot.core.reasons import Reason

#: Machine names of refusals, ours and the server's, and why a task failed by them.
_REASONS: Final[Mapping[str, Reason]] = {
    "prompt_invalid": Reason.PROMPT_INVALID,
    "nul": Reason.PROMPT_INVALID,
    "word_too_long": Reason.PROMPT_INVALID,
    "empty_output": Reason.EMPTY_OUTPUT,
    "rejected_receipt": Reason.REJECTED_RECEIPT,
    # The bundle was made by us, not by the agent: it is our fault or the disk's.
    "bundle_unreadable": Reason.INFRASTRUCTURE,
    "bundle_heads": Reason.INFRASTRUCTURE,
    "bundle_prerequisites": Reason.INFRASTRUCTURE,
    "broken_objects": Reason.INFRASTRUCTURE,
    "command_not_found": Reason.INFRASTRUCTURE,
    "no_command": Reason.INFRASTRUCTURE,
    "work_dir": Reason.INFRASTRUCTURE,
    "bad_ref": Reason.INFRASTRUCTURE,
    "bad_object_id": Reason.INFRASTRUCTURE,
    "file_size": Reason.POLICY,
}

#: The server's names for "this attempt is not yours (any more)"; a status alone does not say so: a missing base
#: branch is a 409 too.
_OVER: Final = frozenset({"stale_fence", "not_holding", "not_yours", "no_such_task", "completed_otherwise"})


def is_over(refused: Refused) -> bool:
    """The attempt has ended for the server: nothing is to be told of it, and nobody would listen."""
    return refused.kind in _OVER


def is_final(refused: Refused) -> bool:
    """Whatever is sent next is refused as well: the attempt is over, or our token is not accepted any more."""
    return refused.status == 401 or is_over(refused)


def reason_of(refused: Refused) -> Reason:
    """A rule we know by name; anything else is our trouble."""
    return _REASONS.get(refused.kind, Reason.INFRASTRUCTURE)


def reason_of_result(refused: Refused) -> Reason:
    """Why the agent's work was not taken: a rule we do not know by name is still a rule that it breaks."""
    unknown = Reason.POLICY if refused.status in (413, 422) else Reason.INFRASTRUCTURE
    return _REASONS.get(refused.kind, unknown)
