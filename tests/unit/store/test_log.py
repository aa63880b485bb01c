"""The event log: append-only, chained, each cause once, and one active task per issue."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peewee import DatabaseError

from bot.core import task
from bot.core.errors import Damaged, Refused
from bot.core.events import Cancelled, DisplayRepaired, RetryRequested
from bot.core.states import State
from bot.core.task import IllegalTransition
from bot.store import Store, guards, log, tasks
from bot.store.engines import Where
from bot.store.log import AlreadyHappened
from bot.store.verify import differences
from tests.unit.store.filling import a_repo, a_task, claim, happens, open_task


def wrong(store: Store) -> list[str]:
    return [f"{it.task_id} {it.what}" for it in store.read(lambda sql: list(differences(sql)))]


@pytest.mark.parametrize("statement", ["UPDATE event SET actor = 'eve'", "DELETE FROM event"])
def test_nothing_in_the_log_can_be_changed(store: Store, statement: str) -> None:
    a_task(store)
    with pytest.raises(Exception, match="append-only"):
        store.write(lambda sql: sql.run(statement))
    assert len(store.read(lambda sql: log.of_task(sql, "t_1"))) == 1


def test_an_event_and_its_task_are_written_together(store: Store) -> None:
    a_task(store)
    now = store.write(lambda sql: claim(sql, "t_1"))
    assert store.read(lambda sql: tasks.get(sql, "t_1")) == now
    events = store.read(lambda sql: log.of_task(sql, "t_1"))
    assert task.fold(events) == now
    assert [x.n for x in events] == [1, 2]
    assert store.read(lambda sql: log.since(sql, events[0].seq)) == events[1:]


def test_a_cause_happens_once(store: Store) -> None:
    a_task(store)
    store.write(lambda sql: happens(sql, "t_1", Cancelled("api", "ann"), cause="c"))
    with pytest.raises(AlreadyHappened):
        store.write(lambda sql: happens(sql, "t_1", RetryRequested("ann", False, "b"), cause="c"))
    with pytest.raises(AlreadyHappened):
        store.write(lambda sql: open_task(sql, "t_2"))
        store.write(lambda sql: open_task(sql, "t_2", issue=3))


def test_what_is_not_allowed_leaves_no_trace(store: Store) -> None:
    a_task(store)
    store.write(lambda sql: happens(sql, "t_1", Cancelled("api", "ann")))
    with pytest.raises(IllegalTransition):
        store.write(lambda sql: happens(sql, "t_1", Cancelled("api", "ann")))
    assert len(store.read(lambda sql: log.of_task(sql, "t_1"))) == 2


def test_an_issue_has_one_active_task(store: Store) -> None:
    a_task(store, "t_1", issue=12)
    with pytest.raises(Refused) as refused:
        a_task(store, "t_2", issue=12, generation=2)
    assert refused.value.kind == "issue_busy"
    assert not store.read(lambda sql: log.of_task(sql, "t_2")), "nothing of it is kept"
    store.write(lambda sql: happens(sql, "t_1", Cancelled("api", "ann")))
    a_task(store, "t_2", issue=12, generation=2)
    with pytest.raises(Refused) as refused:
        store.write(lambda sql: happens(sql, "t_1", RetryRequested("ann", False, "b")))
    assert refused.value.kind == "issue_busy"
    assert wrong(store) == []


def test_a_task_read_before_somebody_elses_step_cannot_be_written(store: Store) -> None:
    old = a_task(store)
    store.write(lambda sql: claim(sql, "t_1"))
    with pytest.raises(Exception, match=r"UNIQUE constraint failed: event|unique constraint \"event_"):
        store.write(lambda sql: log.append(sql, old, "t_1", Cancelled("api", "ann"), cause="x", actor="x", at=1.0))
    assert store.read(lambda sql: tasks.get(sql, "t_1")).state is State.ASSIGNED


@given(st.text(), st.integers(1, 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.text())
def test_a_link_is_the_digest_of_the_record_as_json(task_id: str, n: int, at: float, data: str) -> None:
    record = json.dumps([task_id, n, "said", at, "a", "c", data], separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(log.GENESIS + record.encode("utf-8", "surrogatepass")).digest()
    assert log.link(log.GENESIS, task_id, n, "said", at, "a", "c", data) == digest


def test_verify_looks_at_what_stands_in_one_table_alone(where: Where, store: Store) -> None:
    for number in (1, 2, 3, 4):
        a_task(store, f"t_{number}")
    tampered(
        where,
        "DELETE FROM task WHERE id = 't_1'",
        "DELETE FROM event WHERE task_id = 't_2'",
        "DELETE FROM history WHERE task_id = 't_3'",
        "UPDATE counter SET value = 3 WHERE name = 'tasks'",
        "UPDATE class SET waiting = 3",
    )
    assert wrong(store) == [
        "t_1 has events but no row",
        "t_2 has no events",
        "t_2 stands in the history but has no events",
        "t_3 its line in the history differs from its events",
    ]


def tampered(where: Where, *statements: str) -> None:
    connect: Any = sqlite3.connect if isinstance(where, Path) else psycopg().connect
    with closing(connect(where)) as raw, raw:
        for trigger in ("event_no_update", "event_no_delete"):
            raw.execute(f"DROP TRIGGER {trigger}" + ("" if isinstance(where, Path) else " ON event"))
        for statement in statements:
            raw.execute(statement)


def psycopg() -> Any:
    return pytest.importorskip("psycopg")


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE event SET actor = 'person:eve' WHERE n = 2", "t_1 event 2 was changed after it was written"),
        ("UPDATE event SET at = at - 1 WHERE n = 1", "t_1 event 1 was changed after it was written"),
        ("UPDATE event SET data = '{' WHERE n = 2", "t_1 event 2 (claimed) cannot be read: its text is no JSON"),
        ("UPDATE event SET data = '[]' WHERE n = 2", "t_1 event 2 (claimed) cannot be read: its fields are not"),
        (
            "UPDATE event SET data = data || '{}' WHERE n = 2",
            "t_1 event 2 (claimed) cannot be read: its text is no JSON",
        ),
        ("UPDATE event SET kind = 'blessed' WHERE n = 2", "t_1 event 2 (blessed) cannot be read: its kind is unknown"),
        ("UPDATE event SET data = replace(data, ':1', ':9') WHERE n = 2", "t_1 event 2 (claimed) is not possible"),
        ("DELETE FROM event WHERE n = 1", "t_1 event 1 is missing from the log"),
        ("DELETE FROM event WHERE n = 2", "t_1 its projection differs from its events: state, version"),
        ("DELETE FROM event", "t_1 has no events"),
        ("DELETE FROM task", "t_1 has events but no row"),
        ("UPDATE task SET branch = 'main'", "t_1 its columns differ from its events"),
        ("UPDATE task SET data = '{}'", "t_1 its projection differs from its events: it cannot be read"),
        ("UPDATE attempt SET active = 0", "t_1 attempt 1 has no lease"),
        ("UPDATE attempt SET fence = 2", "t_1 attempt 2 holds a lease that the log does not know"),
        ("UPDATE class SET waiting = 5", "class 1 counts 5 waiting tasks, there are 1"),
        ("UPDATE class SET requirements = '[]'", "t_2 waits in a class that is not its own"),
    ],
)
def test_verify_finds_what_was_tampered_with(where: Where, store: Store, statement: str, found: str) -> None:
    a_repo(store)
    a_task(store)
    store.write(lambda sql: claim(sql, "t_1"))
    a_task(store, "t_2")
    assert wrong(store) == []
    if isinstance(where, str) and found.startswith("class 1 counts"):
        return  # PostgreSQL keeps no such numbers: all claims of a class would wait for one row
    tampered(where, statement)
    assert any(it.startswith(found) for it in wrong(store)), wrong(store)


def test_verify_reads_page_by_page(store: Store) -> None:
    for number in range(1, 8):
        a_task(store, f"t_{number}")
        store.write(lambda sql, n=number: claim(sql, f"t_{n}"))  # type: ignore[misc]
    rows = store.read(lambda sql: list(log.everything(sql, page=3)))
    assert [(r.task_id, r.n) for r in rows] == [(f"t_{i}", n) for i in range(1, 8) for n in (1, 2)]


def test_the_log_survives_poison(store: Store) -> None:
    poison = "'; DROP TABLE event; -- \x00 \U0001f4a5"
    a_task(store, asked_by=poison, branch=poison, requirements=(poison, "x"))
    now = store.read(lambda sql: tasks.get(sql, "t_1"))
    assert (now.asked_by, now.branch, now.requirements) == (poison, poison, (poison, "x"))
    assert wrong(store) == []


@pytest.mark.parametrize("poison", [{"asked_by": "\ud800"}, {"asked_by_id": 2**70, "repo_id": 2**70}])
def test_what_no_database_takes_is_an_error_of_its_caller(store: Store, poison: dict[str, Any]) -> None:
    with pytest.raises((UnicodeEncodeError, OverflowError)):
        a_task(store, **poison)
    assert not issubclass(UnicodeEncodeError, DatabaseError)
    a_task(store)
    assert wrong(store) == []


def test_a_gap_is_told_once_and_what_follows_is_not_missing(where: Where, store: Store) -> None:
    a_repo(store)
    a_task(store)
    for _ in range(3):
        store.write(lambda sql: happens(sql, "t_1", DisplayRepaired("label", "x")))
    tampered(where, "DELETE FROM event WHERE n = 2")
    assert wrong(store) == ["t_1 event 2 is missing from the log"]


def test_several_that_are_missing_in_a_row_are_one_difference(where: Where, store: Store) -> None:
    a_repo(store)
    a_task(store)
    for _ in range(3):
        store.write(lambda sql: happens(sql, "t_1", DisplayRepaired("label", "x")))
    tampered(where, "DELETE FROM event WHERE n IN (2, 3)")
    assert wrong(store) == ["t_1 events 2 to 3 are missing from the log"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("substr(data, 2)", "its text is no JSON"),
        ("'[]'", "its fields are not those that it should have"),
        ("CAST(X'ff' || substr(data, 2) AS TEXT)", "its text is not UTF-8"),
        ("CAST(replace(CAST(data AS BLOB), X'70', X'ff') AS TEXT)", "its text is not UTF-8"),
    ],
)
def test_an_event_that_cannot_be_read_is_named(where: Where, store: Store, data: str, reason: str) -> None:
    if isinstance(where, str) and "UTF-8" in reason:
        return  # PostgreSQL takes no such text
    a_repo(store)
    a_task(store)
    store.write(lambda sql: claim(sql, "t_1"))
    a_task(store, "t_2")
    tampered(where, f"UPDATE event SET data = {data} WHERE task_id = 't_1' AND n = 2")
    assert any(f"t_1 event 2 (claimed) cannot be read: {reason}" in it for it in wrong(store)), wrong(store)
    for query in (lambda sql: log.of_task(sql, "t_1"), lambda sql: log.since(sql, 0)):
        with pytest.raises(Damaged) as damaged:
            store.read(query)
        assert damaged.value.reason == f"Event 2 of task t_1 cannot be read: {reason}."
        assert damaged.value.kind == "damaged_log"
    assert len(store.read(lambda sql: log.of_task(sql, "t_2"))) == 1


def test_a_task_that_cannot_be_read_is_named(store: Store) -> None:
    a_task(store)
    store.write(lambda sql: sql.run("UPDATE task SET data = '{'"))
    with pytest.raises(Damaged) as damaged:
        store.read(lambda sql: tasks.get(sql, "t_1"))
    assert damaged.value.reason == "Task t_1 cannot be read: its text is no JSON."


def test_a_log_without_its_triggers_is_seen(where: Where, store: Store) -> None:
    assert store.read(guards.missing) == []
    tampered(where)
    assert store.read(guards.missing) == ["event_no_update", "event_no_delete"]
