"""Several tables at once, in the order of their first columns."""

from bot.store import Store
from bot.store.abreast import abreast, in_pages
from tests.unit.store.filling import a_task


def test_streams_go_side_by_side() -> None:
    left, right = [("a", 1), ("b", 2), ("d", 4)], [("b", 20), ("c", 30)]
    assert list(abreast(iter(left), iter(right))) == [
        ("a", [1, None]),
        ("b", [2, 20]),
        ("c", [None, 30]),
        ("d", [4, None]),
    ]
    assert list(abreast(iter([]), iter([]))) == []


def test_rows_come_page_by_page(store: Store) -> None:
    for number in (1, 2, 3, 4):
        a_task(store, f"t_{number}")
    statement = "SELECT id, version FROM task WHERE id > ? ORDER BY id LIMIT ?"
    for page in (1, 2, 3, 4, 5):
        rows = store.read(lambda sql, n=page: list(in_pages(sql, statement, n)))  # type: ignore[misc]
        assert rows == [(f"t_{number}", (f"t_{number}", 1)) for number in (1, 2, 3, 4)]
