"""What is left for later is done in its order, with what follows or with the commit, and its errors are heard of."""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from bot.store import Sql, Store, beats
from bot.store.dialect import Duplicate
from tests.unit.store.test_writer import names, together, writes

ADD = "INSERT INTO beat (name, at) VALUES (?, ?)"
MOVE = "UPDATE beat SET at = ? WHERE name = ?"


def adds(*new: str) -> Callable[[Sql], None]:
    def command(sql: Sql) -> None:
        for name in new:
            sql.later(ADD, name, 1.0)

    return command


def test_what_follows_sees_it(store: Store) -> None:
    def command(sql: Sql) -> Any:
        sql.later(ADD, "a", 1.0)
        sql.later(MOVE, 5.0, "a")
        return sql.value("SELECT at FROM beat WHERE name = 'a'")

    assert store.write(command) == 5.0


def test_the_commit_does_what_nothing_followed(store: Store) -> None:
    store.write(adds("a", "b"))
    assert names(store) == {"a", "b"}


def test_many_of_them_are_not_too_many(store: Store) -> None:
    wanted = [f"n{i}" for i in range(250)]
    store.write(adds(*wanted))
    assert names(store) == set(wanted)


def test_what_is_taken_is_a_duplicate_and_keeps_nothing(store: Store) -> None:
    store.write(adds("a"))
    with pytest.raises(Duplicate):
        store.write(adds("b", "a"))
    assert names(store) == {"a"}


def test_what_had_to_change_a_row_says_so_when_none_was_there(store: Store) -> None:
    def command(sql: Sql, name: str) -> None:
        sql.later(ADD, "b", 1.0)
        sql.later(MOVE, 7.0, name, missing=f"{name} was not there")

    store.write(adds("a"))
    with pytest.raises(RuntimeError, match="x was not there"):
        store.write(partial(command, name="x"))
    assert names(store) == {"a"}
    store.write(partial(command, name="a"))
    assert store.read(lambda sql: sql.value("SELECT at FROM beat WHERE name = 'a'")) == 7.0


def test_of_a_batch_only_the_one_fails_whose_it_was(store: Store) -> None:
    store.write(adds("taken"))
    first, failed, last = together(store, writes("a"), adds("spoilt", "taken"), adds("b"))
    assert (first, last) == ("a", None)
    assert isinstance(failed, Duplicate)
    assert names(store) == {"a", "b", "taken"}


@pytest.mark.parametrize("answered", [False, True], ids=["nothing of it sent", "sent"])
def test_a_block_is_undone_with_what_it_left_for_later(store: Store, answered: bool) -> None:
    def command(sql: Sql) -> None:
        sql.later(ADD, "before", 1.0)
        with contextlib.suppress(ZeroDivisionError), sql.savepoint():
            sql.later(ADD, "within", 1.0)
            if answered:
                sql.value("SELECT 1")
                sql.later(ADD, "within too", 1.0)
            raise ZeroDivisionError
        with sql.savepoint():
            sql.later(ADD, "again", 1.0)
        sql.later(ADD, "after", 1.0)

    store.write(command)
    assert names(store) == {"before", "again", "after"}


def test_a_block_hears_of_its_own_errors_and_of_no_others(store: Store) -> None:
    store.write(adds("a"))

    def own(sql: Sql) -> None:
        with contextlib.suppress(Duplicate), sql.savepoint():
            sql.later(ADD, "a", 1.0)
        beats.beat(sql, "b", 1.0)

    def earlier(sql: Sql) -> None:
        sql.later(ADD, "a", 1.0)
        with contextlib.suppress(ZeroDivisionError), sql.savepoint():
            sql.later(ADD, "c", 1.0)
            raise ZeroDivisionError

    store.write(own)
    assert names(store) == {"a", "b"}
    with pytest.raises(Duplicate):
        store.write(earlier)
