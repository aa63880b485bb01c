"""One writer: many callers, one commit, and each hears of its own."""

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from peewee import ProgrammingError

from bot.core.errors import Refused, Unavailable
from bot.store import Sql, Store, beats, open_store, writer
from bot.store.engines import Where
from bot.store.wakeups import WORK

ROOT: Final = Path(__file__).parents[3]


def names(store: Store) -> set[str]:
    return set(store.read(lambda sql: beats.ages(sql, 0.0)))


def together(store: Store, *commands: Callable[[Sql], Any]) -> list[Any]:
    """Runs the commands in one batch: the first holds the database until all the others wait."""
    results: list[Any] = [None] * len(commands)
    inside, gathered = threading.Event(), threading.Event()

    def first(sql: Sql) -> None:
        inside.set()
        assert gathered.wait(20)

    def call(index: int) -> None:
        try:
            results[index] = store.write(commands[index])
        except BaseException as problem:  # noqa: BLE001 - looked at by the test
            results[index] = problem

    leader = threading.Thread(target=lambda: store.write(first))
    leader.start()
    assert inside.wait(20)
    threads = [threading.Thread(target=call, args=(i,)) for i in range(len(commands))]
    for thread in threads:
        thread.start()
    waiting = store._writer._waiting
    while len(waiting) < len(commands):
        threading.Event().wait(0.001)
    gathered.set()
    for thread in [leader, *threads]:
        thread.join(20)
        assert not thread.is_alive()
    return results


def writes(name: str) -> Callable[[Sql], str]:
    def command(sql: Sql) -> str:
        beats.beat(sql, name, 1.0)
        return name

    return command


def fails(problem: BaseException) -> Callable[[Sql], None]:
    def command(sql: Sql) -> None:
        beats.beat(sql, "spoilt", 1.0)
        raise problem

    return command


def test_each_caller_gets_its_own_result(store: Store) -> None:
    wanted = [f"n{i}" for i in range(40)]
    assert together(store, *map(writes, wanted)) == wanted
    assert names(store) == set(wanted)


@pytest.mark.parametrize(
    "problem",
    [Refused("No."), ZeroDivisionError("bug"), ProgrammingError("bad binding"), Unavailable("It does not answer.", 1)],
)
def test_one_that_fails_does_not_spoil_the_others(store: Store, problem: Exception) -> None:
    first, failed, last = together(store, writes("a"), fails(problem), writes("b"))
    assert (first, last) == ("a", "b")
    assert failed is problem
    assert names(store) == {"a", "b"}, "nothing of the failed one is kept"


def test_a_value_that_cannot_be_bound_is_its_callers_bug(store: Store) -> None:
    a, failed, b = together(store, writes("a"), lambda sql: beats.beat(sql, {"a"}, 1.0), writes("b"))  # type: ignore[arg-type]
    assert (a, b) == ("a", "b")
    assert isinstance(failed, ProgrammingError)


def test_a_database_that_cannot_be_written_is_told_to_all(store: Store) -> None:
    if isinstance(store.where, str):
        pytest.skip("a PostgreSQL that goes away is in test_postgres.py")
    results = together(store, writes("a"), lambda sql: sql.run("INSERT INTO nowhere VALUES (1)"), writes("b"))
    assert all(isinstance(x, Unavailable) for x in results)
    assert results[0].retry_after == 5
    assert names(store) == set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_whoever_ends_the_process_within_a_batch_ends_the_batch_and_not_the_writer(store: Store) -> None:
    results = together(store, writes("a"), fails(KeyboardInterrupt()), writes("b"))
    assert all(isinstance(x, KeyboardInterrupt) for x in results)
    assert names(store) == set()
    assert store.write(writes("later")) == "later"


def test_a_caller_interrupted_while_it_waits_takes_nobody_with_it(store: Store) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    inside, gone = threading.Event(), threading.Event()

    def first(sql: Sql) -> None:
        inside.set()
        assert gone.wait(20)

    leader = threading.Thread(target=lambda: store.write(first))
    leader.start()
    assert inside.wait(20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer._Item, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.write(writes("interrupted"))
    gone.set()
    leader.join(20)
    assert store.write(writes("later")) == "later"
    assert names(store) == {"later"}


def test_a_caller_made_leader_and_interrupted_at_once_hands_the_lead_on(store: Store) -> None:
    item = writer._Item(writes("never"))
    item.call()
    other = writer._Item(writes("other"))
    store._writer._led = True
    store._writer._waiting.extend([item, other])
    store._writer._leave(item)
    assert other.called
    store._writer._lead()
    assert names(store) == {"other"}


def test_waiters_are_woken_after_the_commit(store: Store) -> None:
    seen = store.wakeups.count(WORK)

    def command(sql: Sql) -> bool:
        sql.wake(WORK)
        return store.wakeups.count(WORK) == seen

    assert store.write(command), "not before it is durable"
    assert store.wakeups.wait(WORK, seen, 0)


def test_threads_that_count_lose_nothing(store: Store) -> None:
    def add(sql: Sql) -> None:
        row = sql.value("SELECT at FROM beat WHERE name = 'n'") or 0.0
        beats.beat(sql, "n", row + 1)

    def many() -> None:
        for _ in range(50):
            store.write(add)

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert store.read(lambda sql: sql.value("SELECT at FROM beat")) == 400


COUNTING = """
import sys
from pathlib import Path
from bot.store import beats, open_store
def count(sql):
    beats.beat(sql, "n", (sql.value("SELECT at FROM beat WHERE name = 'n'") or 0.0) + 1)
    sql.wake("work")
where = sys.argv[1]
store = open_store(where if "://" in where else Path(where))
for _ in range(50):
    store.write(count)
store.close()
"""


def test_processes_that_count_lose_nothing(where: Where, store: Store) -> None:
    running = [subprocess.Popen([sys.executable, "-c", COUNTING, str(where)], cwd=ROOT) for _ in range(3)]
    assert [p.wait(60) for p in running] == [0, 0, 0]
    assert store.read(lambda sql: sql.value("SELECT at FROM beat")) == 150


def test_a_commit_of_another_process_wakes_waiters(where: Where, store: Store) -> None:
    store.watch_other_processes()
    seen = store.wakeups.count(WORK)
    subprocess.run([sys.executable, "-c", COUNTING, str(where)], cwd=ROOT, check=True, timeout=60)
    assert store.wakeups.wait(WORK, seen, 4), "sooner than the net under lost notifications"


def test_closing_wakes_everyone_for_good(store: Store) -> None:
    ended: list[bool] = []
    waiter = threading.Thread(target=lambda: ended.append(store.wakeups.wait(WORK, 0, 60)))
    waiter.start()
    store.wakeups.close()
    waiter.join(20)
    assert ended == [False]
    assert store.wakeups.closed


def test_whoever_is_interrupted_as_it_begins_leaves_nothing_begun(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_store(path)) as store:
        run = Sql.run

        def interrupted(sql: Sql, statement: str, *values: object) -> int:
            changed = run(sql, statement, *values)
            if statement.startswith("BEGIN"):
                raise KeyboardInterrupt
            return changed

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Sql, "run", interrupted)
            store.write(writes("never"))
        assert store.write(writes("later")) == "later"
        assert names(store) == {"later"}
