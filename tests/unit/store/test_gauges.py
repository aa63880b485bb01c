"""What waits is told on every engine, whether it keeps the numbers or counts them."""

from bot.store import Store, gauges, inbox
from bot.store.gauges import Waiting
from tests.unit.store.filling import a_repo, a_task, claim


def test_the_queue_by_what_its_tasks_need(store: Store) -> None:
    a_repo(store)
    a_repo(store, 8, "bob/shop")
    assert store.read(gauges.classes) == {}
    a_task(store, "t_1", at=30.0)
    a_task(store, "t_2", at=20.0, repo_id=8)
    a_task(store, "t_3", at=10.0)
    a_task(store, "t_4", at=40.0, requirements=())
    store.write(lambda sql: claim(sql, "t_3"))
    assert store.read(gauges.classes) == {"python": Waiting(2, 20.0), "any": Waiting(1, 40.0)}


def test_webhooks_that_nobody_has_dealt_with(store: Store) -> None:
    assert (store.read(gauges.inbox), store.read(gauges.outbox)) == (Waiting(0, 0.0), Waiting(0, 0.0))
    store.write(lambda sql: inbox.put(sql, "d1", "push", b"{}", 5.0))
    assert store.read(gauges.inbox) == Waiting(1, 5.0)
