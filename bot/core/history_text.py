"""What the history says."""

from collections.abc import Sequence

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
    return f"Tasks ended by day, over {_days(days)}: {done} done, {failed} failed"


def how_to_read_days(highest: int) -> str:
    return f"Filled: done; outlined: failed. The highest bar stands for {highest}."


def cost_on(day: str, per_merge: float | None) -> str:
    return f"{day}: {dollars(per_merge)} per merged pull request"


def chart_of_costs(days: int) -> str:
    return f"Cost per merged pull request by day, over {_days(days)}"


def how_to_read_costs(highest: float) -> str:
    return f"The highest bar stands for {dollars(highest)}. What failed on a day is paid for by what was merged on it."


def total_cost(cost: float | None, per_merge: float | None, merged: int) -> str:
    if cost is None:
        return "What they cost is not known: no agent has told."
    one = f"All of them cost {dollars(cost)}"
    pulls = "pull request" if merged == 1 else "pull requests"
    return f"{one}: {dollars(per_merge)} per merged pull request ({merged} {pulls})." if merged else f"{one}."


def failed_for(reasons: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in reasons) or "–"


def newest_only(most: int) -> str:
    return f"Made from the newest {number(most)} that fit."


def number(count: int) -> str:
    """With thin spaces that do not break a line."""
    return f"{count:,}".replace(",", "\u202f")


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def dollars(cost: float | None) -> str:
    return "not known" if cost is None or cost < 0 else f"${cost:,.2f}"


def secs(value: float) -> str:
    return span(value)
