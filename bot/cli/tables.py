"""Tables on a terminal and in a pipe: a row is a line, and nothing is cut off."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

#: Wider than any row: a narrow terminal wraps lines itself, programs get them whole.
_WIDTH: Final = 2000


def printed(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what is in them; nothing in a cell is markup."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in head:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False, width=_WIDTH).print(table)
