"""What an open page is told, and when that ends: with the right to see it."""

import contextlib

import pytest
from werkzeug.test import TestResponse

from bot.core.events import Claimed, Started
from bot.dashboard.streams import Streams
from bot.store import run_logs
from tests.unit.dashboard.conftest import PRIVATE, URL, House, Visit
from tests.unit.dashboard.looking import events


def opens(visit: Visit, path: str) -> TestResponse:
    answer = visit.client.get(path, base_url=URL, headers={"Accept": "text/event-stream"}, buffered=False)
    assert answer.status_code == 200
    return answer


def granted(house: House, login: str, right: str) -> None:
    repo = house.forge.find(PRIVATE)
    assert repo is not None
    repo.grant(house.forge.person(login), right)


@pytest.fixture
def task(house: House) -> str:
    task_id = house.task(PRIVATE, 1, "Fix it")
    house.happens(task_id, Claimed(1, "gpu-1", "exec", "h", "http_pull"), Started(1))
    return task_id


def test_an_open_page_tells_no_more_than_its_person_may_still_see(house: House, task: str) -> None:
    bob = house.signed_in("bob")
    page, board = opens(bob, f"/tasks/{task}/live"), opens(bob, "/live")
    assert "What it prints" not in str(events(page, 5))
    assert "Fix it" in str(events(board, 4))
    granted(house, "bob", "read")
    house.clock.forward(61)
    house.fleet.store.write(lambda sql: run_logs.append(sql, task, 1, 0, "What it prints\n"))
    house.task(PRIVATE, 2, "More of it")
    [part] = events(page, 1)
    assert part["event"] == "part"
    granted(house, "bob", "none")
    house.clock.forward(61)
    house.task(PRIVATE, 3, "Even more")
    assert events(page, 100) == []
    assert "Even more" not in str(events(board, 1))
    for one in (page, board):
        one.close()


def test_signing_out_ends_the_pages_that_are_open(house: House, task: str) -> None:
    bob, elsewhere = house.signed_in("bob"), house.signed_in("bob")
    streams = [opens(bob, f"/tasks/{task}/live"), opens(bob, "/live")]
    for one in streams:
        next(iter(one.response))
    elsewhere.posts("/logout", everywhere="1")
    assert [events(one, 100) for one in streams] == [[], []]


def test_a_forge_that_is_away_ends_a_stream_and_is_told_on_the_next_page(house: House, task: str) -> None:
    bob = house.signed_in("bob")
    stream = opens(bob, f"/tasks/{task}/live")
    next(iter(stream.response))
    house.clock.forward(61)
    house.forge.faults.down = "answering 503"
    assert events(stream, 100) == []
    assert bob.gets(f"/tasks/{task}").status_code == 503


def test_a_page_that_is_left_open_is_no_sign_of_its_person(house: House) -> None:
    bob = house.signed_in("bob")
    for _ in range(3):
        house.clock.forward(house.fleet.settings.dashboard.idle_secs / 2)
        answer = bob.gets("/live", Accept="text/event-stream")
        answer.close()
    assert bob.is_known_as == ""


def test_nobody_alone_takes_all_seats(house: House) -> None:
    streams = Streams(house.fleet.store, 4)
    with contextlib.ExitStack() as open_pages:
        got = [(who, open_pages.enter_context(streams._seat(who))) for who in "aaabbbc"]
    assert got == list(zip("aaabbbc", [True, True, False, True, True, False, False], strict=True))
    with streams._seat("c") as seated:
        assert seated
