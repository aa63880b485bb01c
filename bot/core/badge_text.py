"""What badges and the feed say."""

#: Beyond this a number is "… or more".
MOST_COUNTED = 99


def label() -> str:
    return "agent fleet"


def unknown() -> str:
    return "unknown"


def idle() -> str:
    return "nothing yet"


def working(count: int) -> str:
    return f"{_number(count)} working"


def asks(count: int) -> str:
    return f"{_number(count)} waiting for an answer"


def queued(count: int) -> str:
    return f"{_number(count)} queued"


def last(state: str) -> str:
    return f"last {state}"


def _number(count: int) -> str:
    return f"{MOST_COUNTED}+" if count >= MOST_COUNTED else str(count)


def nothing_here() -> str:
    return "There is no such repository, or none that you may see."


def feed_title() -> str:
    return "Agent Fleet: finished tasks"


def ended(state: str, repo: str, issue: int, reason: str, agent: str) -> str:
    said = f"{repo}#{issue} is {state}"
    said += f" ({reason})" if reason and state == "failed" else ""
    return f"{said}, by {agent}." if agent else f"{said}."
