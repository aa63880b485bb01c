"""Finished lives, written in bulk: one is lived through the program, the others are copies of its rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from benchmarks import filling
from bot.store import Store
from bot.store.log import GENESIS, link

#: Events of one life.
EVENTS: Final = 6
#: The number of the life that is copied; nothing else in its rows looks like it, written in whatever way.
_SEED: Final = 87_654_321
#: What is kept of a task, by what its tables call it.
_TABLES: Final = {"task": "id", "event": "task_id", "attempt": "task_id", "history": "task_id"}


def made(path: Path, number: int) -> Store:
    """A new SQLite database with so many finished lives, in which everything holds."""
    store = filling.made(path)
    store.write(lambda sql: filling.whole_life(sql, _SEED))
    with closing(sqlite3.connect(path)) as raw, raw:
        for table, key in _TABLES.items():
            rows = raw.execute(f"SELECT * FROM {table} WHERE {key} = ?", (f"t_{_SEED}",)).fetchall()
            names = [x[1] for x in raw.execute(f"PRAGMA table_info({table})")]
            copies = (row for n in range(1, number) for row in _chained(names, _copied(rows, n)))
            raw.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})", copies)
        raw.execute("UPDATE counter SET value = ? WHERE name = 'tasks' AND value > 0", (number,))
        raw.execute("ANALYZE")
    return store


def _copied(rows: list[Any], n: int) -> Iterator[list[Any]]:
    """The rows of another life: its number stands in ids, in JSON and, in hex, in digests."""
    for row in rows:
        yield [_other(cell, n) for cell in row]


def _other(cell: Any, n: int) -> Any:
    if isinstance(cell, str):
        cell = cell.replace(f":{_SEED}", f":{n}").replace(str(_SEED), f"{n:08d}")
        return cell.replace(f"{_SEED:08x}", f"{n:08x}")
    return n if cell == _SEED else cell


def _chained(names: list[str], rows: Iterator[list[Any]]) -> Iterator[list[Any]]:
    """Events get numbers and digests of their own."""
    if "chain" not in names:
        yield from rows
        return
    place = {name: i for i, name in enumerate(names)}
    hashed = [place[name] for name in ("task_id", "n", "kind", "at", "actor", "cause", "data")]
    previous = GENESIS
    for row in rows:
        previous = link(previous, *(row[i] for i in hashed))
        row[place["seq"]], row[place["chain"]] = None, previous
        yield row
