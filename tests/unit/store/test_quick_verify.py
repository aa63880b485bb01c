"""The quick verify: what it sees, and that it says nothing where the full one says nothing."""

import pytest

from bot.core.events import Cancelled
from bot.store import Store, quick_verify, verify
from bot.store.engines import Where
from tests.unit.store.filling import a_repo, a_task, claim, happens
from tests.unit.store.test_log import tampered


def wrong(store: Store) -> list[str]:
    return [f"{it.task_id} {it.what}" for it in store.read(lambda sql: list(quick_verify.differences(sql)))]


def filled(store: Store) -> None:
    """One that runs, one that waits, one that is over."""
    a_repo(store)
    a_task(store, "t_1")
    store.write(lambda sql: claim(sql, "t_1"))
    a_task(store, "t_2")
    a_task(store, "t_3")
    store.write(lambda sql: happens(sql, "t_3", Cancelled("api", "ann")))


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM event WHERE n = 1 AND task_id = 't_1'", "t_1 event 1 is missing from the log"),
        ("DELETE FROM event WHERE n = 2 AND task_id = 't_1'", "state, version, fence, changed_at, agent"),
        ("DELETE FROM event WHERE task_id = 't_1'", "t_1 has no events"),
        ("DELETE FROM event WHERE task_id = 't_1'", "t_1 stands in the history but has no events"),
        ("UPDATE event SET kind = 'blessed' WHERE n = 2", "t_1 event 2 (blessed) cannot be read: its kind is unknown"),
        ("UPDATE event SET kind = 'started' WHERE n = 2", "t_1 event 2 (started) is not possible there"),
        ("UPDATE event SET kind = 'started' WHERE n = 1", "t_2 event 1 (started) is not possible there"),
        ("UPDATE event SET at = 5 WHERE task_id = 't_2'", "differ from its events: queued_at, changed_at"),
        ("UPDATE event SET at = 5 WHERE task_id = 't_2'", "t_2 its line in the history differs from its events"),
        ("DELETE FROM task WHERE id = 't_2'", "t_2 has events but no row"),
        ("UPDATE task SET claimable = 1 WHERE id = 't_3'", "t_3 its columns differ from its events: claimable"),
        ("UPDATE task SET agent = '' WHERE id = 't_1'", "t_1 its columns differ from its events: agent"),
        ("UPDATE task SET fence = 2 WHERE id = 't_1'", "t_1 its columns differ from its events: fence"),
        ("DELETE FROM history WHERE task_id = 't_2'", "t_2 its line in the history differs from its events"),
        ("UPDATE history SET state = 'done'", "t_1 its line in the history differs from its events"),
        ("UPDATE counter SET value = 9 WHERE name = 'tasks'", "9 tasks are counted, there are 1"),
        ("DELETE FROM attempt", "t_1 attempt 1 has no lease"),
    ],
)
def test_it_sees_what_the_kinds_of_events_show(where: Where, store: Store, statement: str, found: str) -> None:
    filled(store)
    assert wrong(store) == []
    tampered(where, "DELETE FROM counter_step", statement)
    assert any(found in it for it in wrong(store)), wrong(store)
    assert store.read(lambda sql: list(verify.differences(sql))), "what it sees the full one sees, too"


def test_it_looks_at_nothing_that_events_say(where: Where, store: Store) -> None:
    filled(store)
    tampered(where, "UPDATE event SET actor = 'person:eve', data = '{'")
    assert wrong(store) == []
    assert store.read(lambda sql: list(verify.differences(sql)))
