"""Agents that wait for work: woken by the commit that made it, and never in the way of webhooks."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from bot.service import claims
from bot.service.claims import Claim
from bot.service.fleet import Fleet
from bot.service.opening import open_fleet
from bot.settings import Settings
from bot.store import Sql
from bot.store.wakeups import WORK
from bot.web.application import EXTENSION
from bot.web.waiting import WaitingRoom
from tests.unit.web.conftest import ENROLMENT, Api, said_by, serving, settings
from tests.unit.web.test_webhooks import sign

AGENTS = 64


def until(condition: Callable[[], bool]) -> None:
    """Raises after 30 s."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.002)


def room(api: Api) -> WaitingRoom:
    found: WaitingRoom = api.client.application.extensions[EXTENSION].waiting_room
    return found


def many(root: Path, seats: int = 0) -> Settings:
    made = settings(root, "http://127.0.0.1:1", max_waiting_agents=seats)
    return made.model_copy(update={"server": made.server.model_copy(update={"threads": 2 * AGENTS})})


def waits(api: Api, agent: str, secs: float = 25) -> TestResponse:
    """In a thread: a client of its own, the shared one is not for several threads."""
    with api.client.application.test_client() as client:
        said = {"agent_id": agent, "wait_secs": secs}
        return client.post("/api/v1/tasks/dequeue", json=said, headers={"Authorization": f"Bearer {ENROLMENT}"})


@contextlib.contextmanager
def over_the_wire(api: Api) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, api.client.application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_webhooks_are_answered_while_64_agents_wait_and_one_task_wakes_one(tmp_path: Path) -> None:
    with serving(many(tmp_path)) as api, over_the_wire(api) as url, ThreadPoolExecutor(AGENTS) as threads:

        def asks(number: int) -> tuple[int, bytes]:
            said = {"agent_id": f"gpu-{number}", "wait_secs": 25}
            auth = {"Authorization": f"Bearer {ENROLMENT}"}
            with requests.post(f"{url}/api/v1/tasks/dequeue", json=said, headers=auth, timeout=60) as answer:
                return answer.status_code, answer.content

        for number in range(AGENTS):
            api.agent(f"gpu-{number}")
        waiting = [threads.submit(asks, number) for number in range(AGENTS)]
        until(lambda: room(api).seated == AGENTS)
        for number in range(5):
            headers = {"X-Forgejo-Signature": sign(b"{}"), "X-Forgejo-Delivery": f"d-{number}"}
            with requests.post(f"{url}/api/v1/webhooks/forgejo", data=b"{}", headers=headers, timeout=60) as answer:
                assert answer.status_code == 202
        assert room(api).seated == AGENTS
        api.task()
        until(lambda: any(w.done() for w in waiting))
        until(lambda: room(api).seated == AGENTS - 1)
        api.fleet.store.wakeups.close()
        assert sorted(w.result()[0] for w in waiting) == [200] + [204] * (AGENTS - 1)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


def test_a_task_of_another_process_wakes(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    with serving(many(tmp_path)) as api:
        api.agent("gpu-1")
        api.fleet.store.watch_other_processes()
        waiting = pool.submit(waits, api, "gpu-1")
        until(lambda: room(api).seated == 1)
        other = open_fleet(api.fleet.settings)
        try:
            Api(api.client, other).task()
        finally:
            other.store.close()
            other.forge.close()
        assert said_by(waiting.result(60))["task"]["issue"] == 1


def test_every_task_finds_somebody(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    with serving(many(tmp_path)) as api:
        for number in range(8):
            api.agent(f"gpu-{number}")
        waiting: list[Future[TestResponse]] = [pool.submit(waits, api, f"gpu-{number}") for number in range(8)]
        until(lambda: room(api).seated == 8)
        made = {api.task(number) for number in range(1, 9)}
        assert {said_by(w.result(60))["task"]["task_id"] for w in waiting} == made


def test_without_a_seat_the_answer_comes_at_once(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    with serving(many(tmp_path, seats=1)) as api:
        for name in ("gpu-1", "gpu-2"):
            api.agent(name)
        waiting = pool.submit(waits, api, "gpu-1")
        until(lambda: room(api).seated == 1)
        answer = waits(api, "gpu-2")
        assert (answer.status_code, answer.headers["Retry-After"]) == (204, "5")
        assert not waiting.done()
        api.fleet.store.wakeups.close()
        assert waiting.result(60).status_code == 204


def test_without_a_wait_the_answer_comes_at_once(api: Api) -> None:
    token = api.agent("gpu-1")
    answer = api.call("POST", "/tasks/dequeue", {"agent_id": "gpu-1"}, token)
    assert (answer.status_code, answer.data, answer.headers["Retry-After"]) == (204, b"", "5")


def test_a_lost_answer_loses_nothing(api: Api) -> None:
    token = api.agent("gpu-1")
    api.task()
    said = {"claim_id": "claim 1"}
    first, again = (api.call("POST", "/tasks/dequeue", said, token) for _ in range(2))
    assert said_by(first) == said_by(again)
    assert api.call("POST", "/tasks/dequeue", {"claim_id": "claim 2"}, token).status_code == 204


def test_nothing_is_written_while_nothing_fits(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.agent("gpu-1", "python")
    api.task(1, "rust")
    waits(api, "gpu-1", 0)

    def no_write(_: Callable[[Sql], object]) -> None:
        raise AssertionError("written")

    monkeypatch.setattr(api.fleet.store, "write", no_write)
    assert waits(api, "gpu-1", 0.05).status_code == 204


def count_looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The agents that looked for work, in order; nobody looks for having waited long."""
    monkeypatch.setattr("bot.web.waiting._LOOK_ANYWAY_SECS", 3600)
    looks: list[str] = []
    claim = claims.claim

    def counted(fleet: Fleet, agent_id: str, **options: Any) -> Claim | None:
        looks.append(agent_id)
        return claim(fleet, agent_id, **options)

    monkeypatch.setattr("bot.web.work.claims.claim", counted)
    return looks


def test_one_task_is_looked_for_by_one(
    tmp_path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = count_looks(monkeypatch)
    with serving(many(tmp_path)) as api:
        for number in range(8):
            api.agent(f"gpu-{number}")
        waiting = [pool.submit(waits, api, f"gpu-{number}") for number in range(8)]
        until(lambda: len(looks) == 16)  # once before they sit down, once after
        del looks[:]
        api.task()
        until(lambda: any(w.done() for w in waiting))
        api.fleet.store.wakeups.close()
        assert sorted(w.result(60).status_code for w in waiting) == [200] + [204] * 7
        assert len(looks) == 1


def test_whoever_does_not_fit_lets_the_others_look(
    tmp_path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = count_looks(monkeypatch)
    with serving(many(tmp_path)) as api:
        waiting = []
        for number in range(8):
            api.agent(f"gpu-{number}", "python" if number < 7 else "rust")
            waiting.append(pool.submit(waits, api, f"gpu-{number}"))
            until(lambda: len(looks) == 2 * len(waiting))
        api.task(1, "rust")
        assert waiting[-1].result(60).status_code == 200
        assert not any(w.done() for w in waiting[:-1])
        api.task(2, "python")
        until(lambda: any(w.done() for w in waiting[:-1]))
        api.fleet.store.wakeups.close()
        assert sorted(w.result(60).status_code for w in waiting) == [200] * 2 + [204] * 6


def test_what_waits_already_comes_to_one_that_may_have_it_only_later(
    tmp_path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.web.waiting._LOOK_AGAIN_SECS", 0.01)
    looks = count_looks(monkeypatch)
    with serving(many(tmp_path)) as api:
        api.agent("gpu-1")
        api.task(1)
        api.task(2)
        assert waits(api, "gpu-1", 0).status_code == 200
        waiting = pool.submit(waits, api, "gpu-1")
        until(lambda: len(looks) > 5)
        assert not waiting.done(), "it has one slot"
        api.fleet.store.write(lambda sql: sql.run("UPDATE agent SET max_concurrency = 2"))
        assert said_by(waiting.result(60))["task"]["issue"] == 2


def test_a_task_that_follows_one_which_somebody_else_took_is_news(
    tmp_path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.web.waiting._LOOK_AGAIN_SECS", 3600)
    looks = count_looks(monkeypatch)
    with serving(many(tmp_path)) as api:
        for name in ("gpu-1", "gpu-2"):
            api.agent(name)
        api.task(1)
        assert waits(api, "gpu-1", 0).status_code == 200
        waiting = pool.submit(waits, api, "gpu-1")
        until(lambda: len(looks) == 3)
        api.task(2)
        until(lambda: len(looks) == 4)
        assert waits(api, "gpu-2", 0).status_code == 200
        until(lambda: not room(api)._seen)
        api.fleet.store.write(lambda sql: sql.run("UPDATE agent SET max_concurrency = 2"))
        api.task(3)
        assert said_by(waiting.result(60))["task"]["issue"] == 3


def test_one_that_waits_and_is_no_agent_any_more_hears_of_it(
    tmp_path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(many(tmp_path)) as api:
        for name in ("gpu-1", "gpu-2"):
            api.agent(name)
        looks = count_looks(monkeypatch)
        monkeypatch.setattr("bot.web.waiting._LOOK_ANYWAY_SECS", 0.05)
        waiting = pool.submit(waits, api, "gpu-1")
        until(lambda: len(looks) > 2)
        api.fleet.store.write(lambda sql: sql.run("DELETE FROM agent WHERE id = 'gpu-1'"))
        assert waiting.result(60).status_code == 404


class Looks:
    """An agent's looks for work: each waits until it is told what it finds."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.found: queue.Queue[str | None] = queue.Queue()

    def __call__(self) -> str | None:
        self.begun.release()
        return self.found.get(timeout=30)

    def finds(self, what: str | None) -> None:
        assert self.begun.acquire(timeout=30), "nobody looked"
        self.found.put(what)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is for those who wait; nobody looks for having waited long before it is said to be late."""
    now = [0.0]
    monkeypatch.setattr("bot.web.waiting.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr("bot.web.waiting._LOOK_AGAIN_SECS", 3600)
    monkeypatch.setattr("bot.web.waiting._LOOK_ANYWAY_SECS", 1000)
    return now


def test_while_the_one_at_the_door_looks_for_long_another_stands_there(
    tmp_path: Path, pool: ThreadPoolExecutor, clock: list[float]
) -> None:
    with serving(many(tmp_path)) as api:
        waiting_room = WaitingRoom(api.fleet, 8)
        slow, free = Looks(), Looks()
        first = pool.submit(waiting_room.wait_for, slow, 9999)
        slow.finds(None)
        until(lambda: waiting_room._door is not None)
        clock[0] = 500
        second = pool.submit(waiting_room.wait_for, free, 9999)
        free.finds(None)
        until(lambda: all(one.idle for one in waiting_room._waiting))
        clock[0] = 1001
        api.fleet.store.wakeups.signal([WORK])
        assert slow.begun.acquire(timeout=30), "it has waited for long"
        api.task()
        free.finds("a task")
        assert second.result(60) == "a task"
        slow.found.put("another one")
        assert first.result(60) == "another one"


def test_news_after_news_come_to_everybody(
    tmp_path: Path, pool: ThreadPoolExecutor, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.web.waiting._AT_ONCE", 1)
    with serving(many(tmp_path)) as api:
        waiting_room = WaitingRoom(api.fleet, 8)
        everybody = [Looks() for _ in range(3)]
        ends = []
        for looks in everybody:
            ends.append(pool.submit(waiting_room.wait_for, looks, 9999))
            looks.finds(None)
            until(lambda: len(waiting_room._waiting) == len(ends) and all(x.idle for x in waiting_room._waiting))
        api.task(1)
        first, second, third = everybody
        first.finds(None)
        assert second.begun.acquire(timeout=30)
        until(lambda: waiting_room._door is not None)
        edition = waiting_room._edition
        api.task(2)
        until(lambda: waiting_room._edition > edition)
        for _ in range(2):
            second.found.put(None)  # once more at once: the second task came while it looked
        third.finds("a task")
        assert ends[2].result(60) == "a task"
        api.fleet.store.wakeups.close()
        for looks in everybody:
            looks.found.put(None)
        assert [end.result(60) for end in ends[:2]] == [None, None]
