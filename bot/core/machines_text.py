"""What people read about agents, hosts and tokens, and what is written down of what they press."""

# --- hosts --------------------------------------------------------------------------------------------------


def nothing_wrong() -> str:
    return "Nothing is wrong with it."


def no_such_host() -> str:
    return "The configuration names no such host."


def see_hosts() -> str:
    return "See the list of hosts."


# --- tokens -------------------------------------------------------------------------------------------------


def no_such_token() -> str:
    return "There is no such token, or it is revoked already."


def not_a_role() -> str:
    return "A token is for an agent, or to read, to write or to administer."


def agent_token_needs_agent() -> str:
    return "A token for an agent needs the agent's id."


def id_rule() -> str:
    return "Ids are up to 64 of A–Z, a–z, 0–9, dot, hyphen and underscore."


def not_a_glob() -> str:
    return "A repository is written owner/name; * stands for any part of either."


def not_days() -> str:
    return "The days must be a whole number from 1 to 36500, or nothing for ever."


# --- the audit log ------------------------------------------------------------------------------------------

DRAINED = "drained"
TAKES_WORK = "let take work again"
CHECK_WANTED = "wanted checked"
TOKEN_MADE = "made a token"  # noqa: S105 - not one
TOKEN_REVOKED = "revoked a token"  # noqa: S105 - not one


def token_for(role: str, name: str, agent: str) -> str:
    return f"{role}, {name}" + (f", for {agent}" if agent else "")
