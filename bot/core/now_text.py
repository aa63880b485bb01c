"""What the dashboard's first page says: how things stand, and why something waits."""

from bot.core import cleaning
from bot.core.text import span


def all_well() -> str:
    return "Everything is running."


def host_trouble(count: int) -> str:
    """For people who may not read what exactly is wrong with a machine."""
    return "One host cannot work at the moment." if count == 1 else f"{count} hosts cannot work at the moment."


def paused_elsewhere(count: int) -> str:
    return f"Paused besides: {count} more. `/fleet queue` in a repository says what stops it."


def expected(secs: float | None, fits: bool) -> str:
    """What stands in the queue's column "Expected"."""
    if not fits:
        return "when an agent for it comes"
    if secs is None:
        return "not known yet: nothing has run so far"
    if secs == 0:
        return "now"
    return f"in about {span(secs)}"


def nothing_waits() -> str:
    return "Nothing waits for an agent."


def no_agents() -> str:
    return "No agent has registered yet. How to connect one: `agent-fleet agent --help` on its machine."


def sign_in_for_agents(running: int, slots: int) -> str:
    """For lookers who are not signed in: machines belong to no open repository."""
    return f"{running} of {slots} slots are in use. Sign in to see agents and hosts."


def more(count: int) -> str:
    return f"and {count} more"


def works(agent: str, progress: str) -> str:
    """``progress`` "" = it has not said anything."""
    said = f": {cleaning.code(progress, 120)}" if progress else ""
    return f"{cleaning.code(agent, 60)} works on it{said}"


def look_again(secs: int) -> str:
    return f"Without scripts this page looks again every {secs} seconds."
