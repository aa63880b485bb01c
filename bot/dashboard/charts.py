"""Charts as numbers: where each bar lies, for a template to draw. No style and no script: they are read everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.core import history_text as text
from bot.core.lookback import Day

WIDTH: Final = 720
HEIGHT: Final = 120
_WIDEST: Final = 24.0
#: The least that can be seen of what is not nothing.
_LEAST: Final = 1.0


@dataclass(frozen=True)
class Bar:
    """A day: a filled part, and an outlined one on top of it. In units of the drawing, ``label`` says what they are."""

    x: float
    width: float
    filled_y: float
    filled: float
    outlined_y: float
    outlined: float
    label: str


@dataclass(frozen=True)
class Chart:
    """``label`` says what it shows, ``told`` how to read it; ``first`` and ``last`` are its days."""

    bars: tuple[Bar, ...]
    first: str
    last: str
    label: str
    told: str
    width: int = WIDTH
    height: int = HEIGHT


def ended_by_day(days: Sequence[Day]) -> Chart | None:
    """None when nothing ended."""
    if not days:
        return None
    label = text.chart_of_days(sum(d.done for d in days), sum(d.failed for d in days), len(days))
    told = text.how_to_read_days(max(day.done + day.failed for day in days))
    values = [(day.done, day.failed) for day in days]
    return _chart(days, values, [text.ended_on(date(d.at), d.done, d.failed) for d in days], label, told)


def cost_by_day(days: Sequence[Day]) -> Chart | None:
    """None when of no day is known what a merged pull request cost."""
    known = [day.per_merge for day in days if day.per_merge is not None]
    if not known:
        return None
    values = [(day.per_merge or 0.0, 0.0) for day in days]
    labels = [text.cost_on(date(day.at), day.per_merge) for day in days]
    return _chart(days, values, labels, text.chart_of_costs(len(days)), text.how_to_read_costs(max(known)))


def date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _chart(
    days: Sequence[Day], values: Sequence[tuple[float, float]], labels: Sequence[str], label: str, told: str
) -> Chart:
    highest = max(map(sum, values)) or 1
    step = min(_WIDEST, WIDTH / len(days))
    bars = []
    for number, ((filled, outlined), said) in enumerate(zip(values, labels, strict=True)):
        high, more = (max(_LEAST, value / highest * HEIGHT) if value else 0.0 for value in (filled, outlined))
        x, width = round(number * step, 1), round(step * 0.8, 1)
        bars.append(Bar(x, width, *_rounded(HEIGHT - high, high, HEIGHT - high - more, more), said))
    return Chart(tuple(bars), date(days[0].at), date(days[-1].at), label, told)


def _rounded(*values: float) -> tuple[float, float, float, float]:
    first, second, third, fourth = (round(value, 1) for value in values)
    return first, second, third, fourth
