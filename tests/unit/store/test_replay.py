"""The lazy replay: the same tasks as the full fold makes, read only as far as somebody asks."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core import task
from bot.core.errors import Damaged, Refused
from bot.core.events import Event
from bot.store import Sql, Store, log, tasks
from bot.store.engines import Where
from bot.store.replay import replay
from tests.unit.core.histories import histories
from tests.unit.store.filling import a_task, claim
from tests.unit.store.test_log import tampered


class Undone(Exception):
    """The end of a transaction of which nothing is to be kept."""


def happened(sql: Sql, number: int, history: list[Event]) -> None:
    """These events and no others, whatever else would have been written with them."""
    task_id, now = f"t_{number}", None
    for n, event in enumerate(history, 1):
        event = event if now else type(event)(**vars(event) | {"issue": number})
        now = log.append(sql, now, task_id, event, cause=f"{task_id}:{n}", actor="x", at=1000.0 + n)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(histories(), min_size=1, max_size=3))
def test_every_task_is_the_full_folds_byte_by_byte(store: Store, several: list[list[Event]]) -> None:
    def compare(sql: Sql) -> None:
        for number, history in enumerate(several, 1):
            happened(sql, number, history)
        found = list(replay(sql))
        assert [one.outline.task_id for one in found] == [f"t_{number}" for number in range(1, len(several) + 1)]
        for one in found:
            wanted = task.fold(log.of_task(sql, one.outline.task_id))
            assert one.task is not None
            assert wanted is not None
            row = tasks.get(sql, wanted.id)
            assert task.encode(one.task) == task.encode(wanted) == task.encode(row)
            assert (one.outline.state, one.outline.version) == (row.state, row.version)
        raise Undone

    with pytest.raises(Undone):
        store.write(compare)


def test_nothing_is_read_before_it_is_asked_for(where: Where, store: Store) -> None:
    a_task(store, "t_1")
    store.write(lambda sql: claim(sql, "t_1"))
    a_task(store, "t_2")
    tampered(where, "UPDATE event SET data = 'no JSON' WHERE n = 2")

    def look(sql: Sql) -> None:
        first, second = replay(sql)
        assert (first.outline.fence, second.outline.fence) == (1, 0)
        assert second.task == tasks.get(sql, "t_2")
        with pytest.raises(Damaged, match="its text is no JSON"):
            _ = first.task

    store.read(look)


def test_what_only_the_contents_show_is_said_when_they_are_asked_for(where: Where, store: Store) -> None:
    a_task(store)
    store.write(lambda sql: claim(sql, "t_1"))
    tampered(where, "UPDATE event SET data = replace(data, ':1', ':9') WHERE n = 2")

    def look(sql: Sql) -> None:
        [one] = replay(sql)
        assert one.outline.impossible is None
        with pytest.raises(Refused):
            _ = one.task

    store.read(look)


def test_it_is_the_task_as_it_was_when_the_log_was_read(store: Store) -> None:
    before = a_task(store)
    [one] = store.write(lambda sql: list(replay(sql)))
    store.write(lambda sql: claim(sql, "t_1"))
    assert one.outline.version == 1
    assert store.read(lambda sql: type(one)(one.outline, sql).task) == before


def test_pages_are_put_together(store: Store) -> None:
    for number in range(1, 8):
        a_task(store, f"t_{number}")
        store.write(lambda sql, n=number: claim(sql, f"t_{n}"))  # type: ignore[misc]
    for page in (1, 2, 3, 14, 15):
        rows = store.read(lambda sql, n=page: list(log.steps(sql, n)))  # type: ignore[misc]
        wanted = ((1, 1000.0, "task_created"), (2, 1001.0, "claimed"))
        assert rows == [(f"t_{i}", *step) for i in range(1, 8) for step in wanted]
