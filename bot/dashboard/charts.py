"""Charts as numbers: where each bar lies, for a template to draw. No style and no script: they are read everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.core import history_text as text
from bot.core.lookback import Day

WIDTH: Final = 720
HEIGHT: Final = 140
_BASE: Final = 120
_WIDEST: Final = 24.0


@dataclass(frozen=True)
class Bar:
    """A day: what was done, and what failed on top of it. In units of the drawing."""

    x: float
    width: float
    done_y: float
    done_height: float
    failed_y: float
    failed_height: float
    label: str


@dataclass(frozen=True)
class Chart:
    bars: tuple[Bar, ...]
    highest: int
    first: str
    last: str
    label: str
    width: int = WIDTH
    height: int = HEIGHT
    base: int = _BASE


def by_day(days: Sequence[Day]) -> Chart | None:
    """None when nothing ended."""
    if not days:
        return None
    highest = max(1, *(day.done + day.failed for day in days))
    step = min(_WIDEST, WIDTH / len(days))
    bars = []
    for number, day in enumerate(days):
        done, failed = (round(count / highest * (_BASE - 10), 1) for count in (day.done, day.failed))
        bars.append(
            Bar(
                x=round(number * step, 1),
                width=round(step * 0.8, 1),
                done_y=round(_BASE - done, 1),
                done_height=done,
                failed_y=round(_BASE - done - failed, 1),
                failed_height=failed,
                label=text.ended_on(_date(day.at), day.done, day.failed),
            )
        )
    label = text.chart_of_days(sum(d.done for d in days), sum(d.failed for d in days), len(days))
    return Chart(tuple(bars), highest, _date(days[0].at), _date(days[-1].at), label)


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
