"""What is counted is one sum, whichever transactions counted it; what was undone was never counted."""

import contextlib
import threading

from bot.core.errors import Refused
from bot.store import Sql, Store, counters
from bot.store.log import busy
from tests.unit.core.samples import a_task


def total(store: Store) -> float:
    return store.read(counters.everything).get(counters.EVENTS, {}).get(("x",), 0.0)


def count(sql: Sql) -> None:
    counters.add(sql, counters.EVENTS, "x")


def test_what_is_undone_is_not_counted(store: Store) -> None:
    def command(sql: Sql) -> None:
        count(sql)
        with contextlib.suppress(Refused), sql.savepoint():
            count(sql)
            raise busy(a_task())

    store.write(command)
    assert total(store) == 1


def test_side_by_side_and_one_at_a_time_make_one_sum(store: Store) -> None:
    threads = [
        threading.Thread(target=lambda alone=alone: store.write(count, shared=not alone)) for alone in [True, False] * 8
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert total(store) == 16
    assert not store.read(counters.steps_left)
    store.write(counters.sum_up)
    assert total(store) == 16
    assert store.read(lambda sql: sql.value("SELECT count(*) FROM counter_step")) == 0
