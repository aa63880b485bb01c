"""Finding work by class: priority, then age, for whoever fits."""

import json
from functools import partial

import pytest

from bot.core.errors import Refused
from bot.core.events import AttemptFailed, BackoffEnded, HoldPlaced, Released, Rerouted, Reserved
from bot.core.matching import Candidate, ClassKey
from bot.core.reasons import Reason
from bot.store import Sql, Store, attempts, claims, classes, tasks
from bot.store.verify import differences
from tests.unit.store.filling import a_repo, a_task, claim, happens


@pytest.fixture(autouse=True)
def _repositories(store: Store) -> None:
    a_repo(store, 7, "ann/lab")
    a_repo(store, 8, "bob/shop")


def found(
    store: Store, *capabilities: str, name: str = "gpu-1", repos: tuple[str, ...] = (), refused: tuple[str, ...] = ()
) -> str | None:
    who = Candidate(name, "codex-cli", frozenset(capabilities or {"python"}), repos)
    task = store.read(lambda sql: claims.next_task(sql, who, refused))
    return task.id if task else None


def test_urgent_first_and_then_the_longest_waiting(store: Store) -> None:
    a_task(store, "t_1", priority=1, at=10)
    a_task(store, "t_2", priority=1, at=5, repo_id=8)
    a_task(store, "t_3", priority=0, at=20, requirements=("any",))
    order = []
    while (task_id := found(store)) is not None:
        order.append(task_id)
        store.write(lambda sql, t=task_id: claim(sql, t))  # type: ignore[misc]
    assert order == ["t_3", "t_2", "t_1"]


def test_a_task_waits_for_an_agent_that_offers_all_it_needs(store: Store) -> None:
    a_task(store, requirements=("python", "gpu"))
    assert found(store, "python") is None
    assert found(store, "python", "gpu", "rust") == "t_1"


def test_repositories_of_the_token(store: Store) -> None:
    a_task(store, repo_id=8)
    assert found(store, repos=("ann/*",)) is None
    assert found(store, repos=("ann/*", "bob/*")) == "t_1"


def test_a_reserved_task_is_for_one(store: Store) -> None:
    a_task(store)
    store.write(lambda sql: happens(sql, "t_1", Reserved("gpu-2")))
    assert found(store, name="gpu-1") is None
    assert found(store, name="gpu-2") == "t_1"


def test_refused_tasks_are_passed_over(store: Store) -> None:
    for number in (1, 2, 3):
        a_task(store, f"t_{number}", at=number)
    assert found(store, refused=("t_1", "t_2")) == "t_3"
    assert found(store, refused=("t_1", "t_2", "t_3")) is None


def test_the_same_is_found_to_be_taken_as_to_be_looked_at(store: Store) -> None:
    a_task(store, "t_1", at=3)
    a_task(store, "t_2", at=2, requirements=("any",))
    a_task(store, "t_3", at=1, repo_id=8)
    a_task(store, "t_4", at=0, requirements=("rust",))
    who = Candidate("gpu-1", "codex-cli", frozenset({"python"}), ())
    for refused, closed, first in (((), (), "t_3"), (("t_3",), (), "t_2"), ((), (8,), "t_2"), (("t_2",), (8,), "t_1")):
        for take in (False, True):
            task = store.write(partial(claims.next_task, agent=who, refused=refused, closed=closed, take=take))
            assert task == store.read(partial(tasks.get, task_id=first))


def test_what_cannot_run_now_is_not_found(store: Store) -> None:
    a_task(store)
    store.write(lambda sql: happens(sql, "t_1", HoldPlaced("manual")))
    assert found(store) is None
    store.write(lambda sql: happens(sql, "t_1", Released()))
    assert found(store) == "t_1"
    store.write(lambda sql: claim(sql, "t_1"))
    assert found(store) is None
    store.write(lambda sql: attempts.close(sql, "t_1", 1, outcome="failed", at=2.0))
    store.write(lambda sql: happens(sql, "t_1", AttemptFailed(1, Reason.CRASHED, "", 99.0)))
    assert found(store) is None, "backing off"
    store.write(lambda sql: happens(sql, "t_1", BackoffEnded()))
    assert found(store) == "t_1"
    assert store.read(lambda sql: list(differences(sql))) == []


def test_a_task_that_is_routed_anew_changes_its_class(store: Store) -> None:
    a_task(store)
    store.write(lambda sql: happens(sql, "t_1", Rerouted(("rust",), 0, 200)))
    assert found(store, "python") is None
    assert found(store, "rust") == "t_1"
    assert [(k.requirements, n) for _, k, _, n in store.read(classes.waiting)] == [(("rust",), 1)]


def test_a_claim_does_not_look_at_the_queue(store: Store) -> None:
    """One indexed look-up per class: the plan names the partial index and scans no task."""
    if isinstance(store.where, str):
        pytest.skip("PostgreSQL scans a table that is this small; the benchmark shows it for a big one")
    plan = store.read(
        lambda sql: sql.all(
            "EXPLAIN QUERY PLAN SELECT priority, queued_at, id FROM task WHERE claimable = 1 AND class_id = ? "
            "ORDER BY priority, queued_at, id LIMIT ?",
            *(1, 1),
        )
    )
    assert [row[3] for row in plan] == ["SEARCH task USING INDEX task_claim (class_id=?)"]


def fill(store: Store, waiting: int) -> None:
    def command(sql: Sql) -> None:
        for i in range(classes.MAX_CLASSES):
            sql.run(
                "INSERT INTO class (repo_id, requirements, reserved_for, waiting) VALUES (?, ?, ?, ?)",
                *(7, json.dumps([f"x{i}"]), "", waiting),
            )

    store.write(command)


def test_too_many_different_label_sets_are_refused(store: Store) -> None:
    fill(store, waiting=1)
    with pytest.raises(Refused) as refused:
        a_task(store)
    assert (refused.value.status, refused.value.kind) == (503, "too_many_classes")
    assert store.read(lambda sql: tasks.find(sql, "t_1")) is None
    a_task(store, "t_2", requirements=("x5",))


def test_classes_that_nobody_waits_in_make_room(store: Store) -> None:
    fill(store, waiting=0)
    a_task(store)
    assert found(store) == "t_1"
    assert store.read(lambda sql: sql.value("SELECT count(*) FROM class")) == 1


def test_the_place_in_the_queue(store: Store) -> None:
    for number, priority in ((1, 2), (2, 1), (3, 1)):
        a_task(store, f"t_{number}", priority=priority, at=number)
    places = store.read(lambda sql: {t: tasks.place_in_queue(sql, tasks.get(sql, t)) for t in ("t_1", "t_2", "t_3")})
    assert places == {"t_2": 1, "t_3": 2, "t_1": 3}


def test_class_keys_with_strange_names_are_told_apart(store: Store) -> None:
    keys = [
        ClassKey(7, ("a", "b")),
        ClassKey(7, ("a,b",)),
        ClassKey(7, ('a", "b',)),
        ClassKey(7, ()),
        ClassKey(7, ("",)),
    ]
    made = store.write(lambda sql: [classes.of(sql, key) for key in keys])
    assert len(set(made)) == len(keys)
    assert store.write(lambda sql: [classes.of(sql, key) for key in keys]) == made
