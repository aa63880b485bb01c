"""The demo's pictures: a table that lives while it runs, and the one it ends with."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from bot.core import demo_text as text
from bot.demo.machines import Seen
from bot.demo.story import Told

_WIDE = 110
#: What the other columns take, with their borders.
_REST = 88
_COLOURS = {"done": "green", "review": "magenta", "running": "yellow", "queued": "blue", "requested": "dim"}


@dataclass(frozen=True)
class Line:
    """An issue as the forge shows it: its state label, the attempts its status comment tells of, its pull request."""

    told: Told
    number: int
    state: str
    attempts: int
    pull_request: int
    branch: str
    says: str

    @property
    def over(self) -> bool:
        """Nothing more will happen to it."""
        return self.ended or self.state in ("failed", "cancelled", "done")

    @property
    def ended(self) -> bool:
        """It has come where it should, in as many attempts as it should."""
        return self.state == self.told.ends.removeprefix("fleet/") and self.attempts == self.told.attempts


def table(lines: Sequence[Line], *, closing: bool, width: int) -> Table:
    """``width`` is the console's; what the bot says is left out where there is no room for it."""
    shown = Table(title=text.demo_title(closing=closing), title_justify="left", expand=False)
    for name, least in (("Issue", 24), ("Label", 12), ("State", 9), ("Tries", 5), ("PR", 3)):
        shown.add_column(name, no_wrap=True, min_width=least)
    wide = width >= _WIDE
    if wide:
        shown.add_column("What the bot says", overflow="ellipsis", no_wrap=True, max_width=width - _REST)
    for line in lines:
        colour = _COLOURS.get(line.state, "white")
        shown.add_row(
            f"#{line.number} {line.told.title[:26]}",
            line.told.label,
            f"[{colour}]{line.state or '…'}[/]",
            str(line.attempts or ""),
            f"#{line.pull_request}" if line.pull_request else "",
            *([line.says] if wide else []),
        )
    return shown


def processes_table(seen: Sequence[Seen]) -> Table:
    """What lives on the hosts, a line for each run."""
    shown = Table(title=text.demo_processes_title(), title_justify="left", expand=False)
    for name in ("Host", "Issue", "Process ids"):
        shown.add_column(name, no_wrap=True)
    for host, issue in dict.fromkeys((one.host, one.issue) for one in seen):
        pids = " ".join(str(one.pid) for one in seen if (one.host, one.issue) == (host, issue))
        shown.add_row(host, f"#{issue}", pids)
    return shown
