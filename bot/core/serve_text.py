"""What `agent-fleet serve` says."""


def serving(url: str) -> str:
    return f"Agent Fleet answers at {url}"


def cannot_listen(address: str, why: str) -> str:
    return f"Cannot listen on {address}: {why}."


def other_port() -> str:
    return "Stop what listens there, or choose another --port or --bind."


def part_ended(name: str, code: int) -> str:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    return f"The {name} process {how}; the other one was stopped."


def part_killed(name: str) -> str:
    return f"The {name} process did not end in time, or a second signal said at once, and was killed."


def see_the_log() -> str:
    return "Its reason is in the log above."
