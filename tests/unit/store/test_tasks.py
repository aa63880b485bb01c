"""Lists of tasks by their states: each task once, in order, page by page."""

from bot.core.events import Cancelled
from bot.store import Store, tasks
from tests.unit.store.filling import a_repo, a_task, claim, happens

_STATES = ("queued", "cancelled", "queued")


def filled(store: Store) -> None:
    a_repo(store)
    for number in range(1, 7):
        a_task(store, f"t_{number}")
    for number in (2, 5):
        store.write(lambda sql, n=number: happens(sql, f"t_{n}", Cancelled("api", "ann")))  # type: ignore[misc]
    store.write(lambda sql: claim(sql, "t_3"))


def test_pages_of_several_states_hold_each_task_once_newest_first(store: Store) -> None:
    filled(store)
    found, last = list[str](), ""
    while page := store.read(lambda sql, of=last: tasks.page(sql, states=_STATES, before_id=of, limit=2)):  # type: ignore[misc]
        assert len(page) <= 2
        found += [one.id for one in page]
        last = found[-1]
    assert found == ["t_6", "t_5", "t_4", "t_2", "t_1"]


def test_tasks_in_several_states_come_once_oldest_first(store: Store) -> None:
    filled(store)
    found = store.read(lambda sql: tasks.in_states(sql, _STATES, 4))
    assert [one.id for one in found] == ["t_1", "t_2", "t_4", "t_5"]
