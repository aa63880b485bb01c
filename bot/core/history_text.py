"""What the history says."""

from bot.core.text import span


def no_such_day(said: str) -> str:
    return f"{said[:40]!r} is not a day."


def write_a_day() -> str:
    return "Write it as 2026-11-22."


def no_such_state(said: str) -> str:
    return f"There is no state {said[:40]!r}."


def use_a_state(states: list[str]) -> str:
    return f"It is one of {', '.join(states)}."


def no_such_place(said: str) -> str:
    return f"{said[:80]!r} is no place in the history."


def begin_anew() -> str:
    return "Begin at the newest again."


def too_many_words(most: int) -> str:
    return f"That is more than {most} words."


def fewer_words() -> str:
    return "Look for fewer."


def ended_on(day: str, done: int, failed: int) -> str:
    return f"{day}: {done} done, {failed} failed"


def chart_of_days(done: int, failed: int, days: int) -> str:
    return f"Tasks ended by day, over {days} days: {done} done, {failed} failed"


def dollars(cost: float | None) -> str:
    return "not known" if cost is None or cost < 0 else f"${cost:,.2f}"


def secs(value: float) -> str:
    return span(value)
