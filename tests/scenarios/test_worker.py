"""The worker's loops while the forge is away: they neither hurry, nor look dead, nor keep a stop waiting."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from bot.core.errors import Damaged, Unavailable
from bot.service import intake, publish, reconcile, sweep
from bot.store import beats, inbox, outbox
from bot.web.health import readiness
from bot.worker import _GATHER_SECS, Worker
from tests.world import World, databases


@pytest.fixture
def three_wishes(world: World) -> Iterator[World]:
    """Not fulfilled yet, and the forge is away."""
    world.settles()
    at = world.clock()
    for n in (1, 2, 3):
        wish = {"repo_id": world.repo.id, "issue": n, "body": "x", "marker": "y"}
        world.store.write(partial(outbox.wish, target=f"notice:{n}", kind="notice", task_id="", what=wish, at=at))
        world.store.write(partial(inbox.put, delivery=f"d{n}", event_type="issues", body=_issue_opened(world), at=at))
    world.forge.faults.goes_down(answering=True)
    yield world
    world.expects_leftovers = True
    world.forge.faults.comes_back()


def _issue_opened(world: World) -> bytes:
    return (
        b'{"action":"opened","number":1,"issue":{"id":1,"number":1,"state":"open","labels":[{"name":"agent:any"}],'
        b'"user":{"id":2,"login":"bob"}},"repository":{"id":%d,"full_name":"ann/demo"},'
        b'"sender":{"id":2,"login":"bob"}}' % world.repo.id
    )


def test_a_batch_of_wishes_ends_at_the_first_that_is_not_answered(three_wishes: World) -> None:
    with pytest.raises(Unavailable):
        publish.work_off(three_wishes.fleet)
    assert sorted(tries for _, tries, _ in three_wishes.fleet.read(outbox.pending)) == [0, 0, 1]


def test_a_batch_of_webhooks_ends_at_the_first_that_is_not_answered(three_wishes: World) -> None:
    with pytest.raises(Unavailable):
        intake.work_off(three_wishes.fleet)
    due = three_wishes.fleet.read(lambda sql: inbox.due(sql, three_wishes.clock() + 10_000))
    assert [d.tries for d in due] == [1, 0, 0]


@pytest.mark.parametrize("work_off", [publish.work_off, intake.work_off])
def test_a_batch_ends_when_the_worker_stops(three_wishes: World, work_off: Callable[..., int]) -> None:
    assert work_off(three_wishes.fleet, go_on=lambda: False) == 3
    assert [tries for _, tries, _ in three_wishes.fleet.read(outbox.pending)] == [0, 0, 0]
    due = three_wishes.fleet.read(lambda sql: inbox.due(sql, three_wishes.clock()))
    assert [d.tries for d in due] == [0, 0, 0]


def test_loops_show_that_they_live_between_two_items(world: World) -> None:
    worker = Worker(world.fleet)
    assert worker._go_on("outbox")
    world.clock.forward(70)
    assert worker._go_on("outbox")
    assert world.fleet.read(lambda sql: beats.ages(sql, world.clock()))["outbox"] == 0
    worker.stop()
    assert not worker._go_on("outbox")


def test_what_is_to_be_shown_is_gathered_for_a_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.settles()
    worker = Worker(world.fleet)
    waited: list[float] = []
    monkeypatch.setattr(worker._over, "wait", waited.append)
    monkeypatch.setattr(worker, "_sleep_until", lambda *_: True)
    worker._outbox()
    monkeypatch.setattr(worker, "_sleep_until", lambda *_: False)
    worker._outbox()
    assert waited == [_GATHER_SECS], "when woken, not when it is time"


def test_a_forge_that_is_away_leaves_the_fleet_ready_and_the_worker_stoppable(three_wishes: World) -> None:
    worker = Worker(three_wishes.fleet)
    running = threading.Thread(target=worker.run)
    running.start()
    try:
        until = time.monotonic() + 30
        while not readiness(three_wishes.fleet).ready:
            assert time.monotonic() < until, readiness(three_wishes.fleet)
            time.sleep(0.1)
        tries = [tries for _, tries, _ in three_wishes.fleet.read(outbox.pending)]
        assert sum(tries) <= 3, "it does not spin"
    finally:
        worker.stop()
        running.join(30)
    assert not running.is_alive()


def test_one_push_that_hangs_is_no_dead_loop(world: World) -> None:
    at = world.clock()
    for name in ("inbox", "outbox", "dispatch", "timers"):
        world.store.write(partial(beats.beat, name=name, at=at))
    world.clock.forward(59)
    assert readiness(world.fleet).ready
    for name in ("inbox", "dispatch", "timers"):
        world.store.write(partial(beats.beat, name=name, at=at + 300))
    world.clock.forward(300)
    assert readiness(world.fleet).ready
    world.clock.forward(1000)
    assert not readiness(world.fleet).ready


def test_a_second_worker_stands_by_and_takes_over(world: World) -> None:
    if databases.engine.get() == "sqlite":
        pytest.skip("with SQLite a second worker is refused")
    world.settles()
    first, second = Worker(world.fleet), Worker(world.fleet)
    threads = [threading.Thread(target=worker.run) for worker in (first, second)]
    try:
        for thread, worker in zip(threads, (first, second), strict=True):
            thread.start()
            _until(lambda: first._leads)
            assert not (worker is second and second._leads), "it waits"
        name = str(world.store.where).rpartition("/")[2]
        databases.server().sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 3"
            f" AND granted AND database = (SELECT oid FROM pg_database WHERE datname = '{name}')"
        )
        _until(lambda: not first._leads or second._leads)
        _until(lambda: first._leads != second._leads)
    finally:
        first._stop.set()
        second._stop.set()
        first.stop()
        for thread in threads:
            thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_who_was_paused_begins_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(world.fleet)
    worker._held_at = time.monotonic()  # a lead that others may take
    assert worker._go_on("outbox")
    later = time.monotonic() + 60
    monkeypatch.setattr("bot.worker._TICK_SECS", 0.0)
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert not worker._go_on("outbox"), "another one may have taken over meanwhile"


def test_a_part_that_keeps_failing_is_told_until_it_goes_well(world: World) -> None:
    worker = Worker(world.fleet)

    def fails() -> None:
        raise ValueError("something in there")

    for _ in range(2):
        with pytest.raises(ValueError, match="something in there"):
            worker._watched("sweep", fails)
        world.clock.forward(120)
    [told] = readiness(world.fleet).degraded
    assert told.startswith("The worker's sweep has not gone well for 240 s")
    assert "agent-fleet verify" in told
    assert "ValueError" not in told
    assert "fails: sweep" not in readiness(world.fleet).loops
    worker._watched("sweep", lambda: None)
    assert readiness(world.fleet).degraded == []


def test_a_worker_that_begins_forgets_what_failed_before(world: World) -> None:
    world.store.write(lambda sql: beats.fails(sql, "of an earlier version", world.clock()))
    worker = Worker(world.fleet)
    running = threading.Thread(target=worker.run)
    running.start()
    try:
        until = time.monotonic() + 30
        while world.fleet.read(lambda sql: beats.failing(sql, world.clock())):
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        worker.stop()
        running.join(30)


def test_the_loop_of_a_failing_sweep_comes_round_and_is_told_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_fleet: object) -> None:
        raise ValueError("something in there")

    monkeypatch.setattr("bot.worker.sweep.sweep", fails)
    worker = Worker(world.fleet)
    running = threading.Thread(target=worker.run)
    running.start()
    try:
        until = time.monotonic() + 30
        while "sweep" not in world.fleet.read(lambda sql: beats.failing(sql, world.clock())):
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        worker.stop()
        running.join(30)


def test_a_task_that_cannot_be_read_does_not_stop_the_sweep_of_others(world: World) -> None:
    agent = world.pull_agent("gpu-1", ["python"])
    issues = [world.writer.opens_issue(f"Fix {name}", labels=["agent:python"]) for name in ("this", "that")]
    for issue in issues:
        agent.claims(issue).finishes({f"{issue.number}.py": "fixed"})
        issue.shows(label="fleet/review")
        issue.tells("done in")
    broken, sound = issues
    world.writer.merges(sound)
    world.forge.deliveries.drop()
    one = "repo_id = ? AND issue = ?"
    kept = world.fleet.read(lambda sql: sql.value(f"SELECT data FROM task WHERE {one}", world.repo.id, broken.number))
    spoil = f"UPDATE task SET data = ? WHERE {one}"
    world.store.write(lambda sql: sql.run(spoil, "{", world.repo.id, broken.number))
    for work in (sweep.sweep, reconcile.compare):
        with pytest.raises(Damaged, match="cannot be read: its text is no JSON"):
            work(world.fleet)
    world.store.write(lambda sql: sql.run(spoil, kept, world.repo.id, broken.number))
    world.settles()
    sound.shows(label="fleet/done")
    sound.tells("was merged")
