"""Pages of lists that are short enough to be read whole: the key of the last one seen is where the next begins."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def page(items: Sequence[T], key: Callable[[T], str], cursor: str | None, limit: int) -> tuple[list[T], str | None]:
    """Those behind the one whose key is ``cursor``, at most ``limit``; and the cursor of the next page.

    A cursor whose element is gone gives an empty page.
    """
    keys = [key(item) for item in items]
    start = 0 if cursor is None else (keys.index(cursor) + 1 if cursor in keys else len(keys))
    found = list(items[start : start + limit])
    more = start + limit < len(items)
    return found, key(found[-1]) if found and more else None
