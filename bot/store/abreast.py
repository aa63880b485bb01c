"""Walking through tables side by side, each in the order of its first column, with a page of each in memory."""

from collections.abc import Iterator
from typing import Any, Final

from bot.store.dialect import Row, Sql

_PAGE: Final = 500


def in_pages(sql: Sql, statement: str, page: int = _PAGE) -> Iterator[tuple[str, Row]]:
    """All rows by their first column. ``statement`` asks for those after a value of that, and for so many."""
    last = ""
    while True:
        rows = sql.as_found(statement, last, page)
        for row in rows:
            yield row[0], row
        if len(rows) < page:
            return
        last = rows[-1][0]


def abreast(*streams: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
    """For each key what every stream says of it, None for nothing. The keys of each stream rise."""
    heads = [next(stream, None) for stream in streams]
    while keys := [head[0] for head in heads if head]:
        key, said = min(keys), list[Any]()
        for i, head in enumerate(heads):
            here = head is not None and head[0] == key
            said.append(head[1] if head and here else None)
            if here:
                heads[i] = next(streams[i], None)
        yield key, said
