"""What visitors may see and press is the forge's word, asked again after a minute."""

import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from bot.core.errors import Unavailable
from bot.dashboard.kept import Kept
from bot.dashboard.visitor import Rights, Visitor
from bot.store import forge_facts
from bot.store.forge_facts import KnownRepository
from tests.unit.dashboard.conftest import OPEN, PRIVATE, House

NOBODY = Visitor(None, False, None, "")
OPERATOR = Visitor("token:ops", True, "s", "c")


def person(house: House, login: str) -> Visitor:
    return Visitor(login, False, "s", "c", house.forge.people[login].id)


def known(house: House, name: str) -> KnownRepository:
    found = house.fleet.read(lambda sql: forge_facts.repo_named(sql, name))
    assert found is not None
    return found


@pytest.fixture
def rights(house: House) -> Rights:
    return Rights(house.fleet)


def test_rights_in_a_private_repository(house: House, rights: Rights) -> None:
    expected = {"ann": (True, True), "bob": (True, True), "carl": (True, False), "zoe": (False, False)}
    for login, (reads, writes) in {**expected, "fleet-bot": (False, False)}.items():
        visitor = person(house, login)
        assert (
            rights.may_read(visitor, known(house, PRIVATE)),
            rights.may_write(visitor, known(house, PRIVATE)),
        ) == (reads, writes), login
        assert (known(house, PRIVATE).id in (rights.readable(visitor) or ())) is reads
        assert not rights.may_operate(visitor)


def test_an_open_repository_is_everybodys_to_read(house: House, rights: Rights) -> None:
    zoe = person(house, "zoe")
    assert rights.readable(zoe) == frozenset({known(house, OPEN).id})
    assert (rights.may_read(zoe, known(house, OPEN)), rights.may_write(zoe, known(house, OPEN))) == (True, False)
    assert not rights.may_read(NOBODY, known(house, OPEN))
    assert rights.readable(NOBODY) == frozenset()


@pytest.mark.world(anonymous=True)
def test_where_anybody_may_look_it_is_at_what_the_forge_shows_anybody(house: House, rights: Rights) -> None:
    assert rights.readable(NOBODY) == frozenset({known(house, OPEN).id})
    assert not rights.may_write(NOBODY, known(house, OPEN))


def test_operators_see_everything_that_is_watched(house: House, rights: Rights) -> None:
    assert rights.readable(OPERATOR) is None
    assert rights.may_write(OPERATOR, known(house, PRIVATE))
    assert rights.may_operate(OPERATOR)
    house.fleet.remember(house.fleet.forge.repos.named(OPEN), watch=False)
    assert not rights.may_read(OPERATOR, known(house, OPEN))


def test_a_right_that_was_taken_away_is_gone_within_a_minute(house: House, rights: Rights) -> None:
    bob, repo = person(house, "bob"), house.forge.find(PRIVATE)
    assert repo is not None
    assert rights.may_write(bob, known(house, PRIVATE))
    asked = len(house.forge.requests)
    assert rights.may_write(bob, known(house, PRIVATE))
    assert len(house.forge.requests) == asked
    repo.grant(house.forge.person("bob"), "read")
    house.clock.forward(60)
    assert not rights.may_write(bob, known(house, PRIVATE))
    assert rights.may_read(bob, known(house, PRIVATE))


def test_whoever_takes_over_a_name_gets_none_of_its_rights(house: House, rights: Rights) -> None:
    assert not rights.may_read(Visitor("bob", False, "s", "c", 4711), known(house, PRIVATE))


def test_without_an_answer_nobody_sees_anything(house: House, rights: Rights) -> None:
    house.forge.faults.down = "answering 503"
    with pytest.raises(Unavailable):
        rights.may_read(person(house, "ann"), known(house, PRIVATE))
    assert rights.may_read(OPERATOR, known(house, PRIVATE))
    house.forge.faults.down = ""
    assert rights.may_read(person(house, "ann"), known(house, PRIVATE))


def test_where_the_forge_does_not_tell_the_bot_open_ones_are_still_open(house: House, rights: Rights) -> None:
    """A bot that only writes may not ask for the rights of others."""
    for name in (PRIVATE, OPEN):
        repo = house.forge.find(name)
        assert repo is not None
        repo.grant(house.forge.person("fleet-bot"), "write")
    assert rights.readable(person(house, "bob")) == frozenset({known(house, OPEN).id})
    assert not rights.may_write(person(house, "bob"), known(house, OPEN))


@pytest.mark.parametrize("heard_of", [False, True])
def test_whoever_makes_a_repository_by_an_old_name_gets_nothing_of_the_old_one(house: House, heard_of: bool) -> None:
    """Renamed at the forge while the bot still knows it by its old name, which an open one of zoe's has by now."""
    task = house.task(PRIVATE, 1, "Secret plans")
    old = house.forge.find(PRIVATE)
    assert old is not None
    old.rename("secret")
    house.forge.repository(PRIVATE, {}).grant(house.forge.person("zoe"), "admin")
    house.forge.repositories[max(house.forge.repositories)].grant(house.forge.person("fleet-bot"), "admin")
    if heard_of:
        house.clock.forward(1)
        house.fleet.remember(house.fleet.forge.repos.named(PRIVATE), watch=True)
    zoe, carl = house.signed_in("zoe"), house.signed_in("carl")
    assert zoe.gets(f"/tasks/{task}").status_code == 404
    assert zoe.posts(f"/tasks/{task}/press/cancel", version="1").status_code == 404
    assert all("Secret plans" not in zoe.gets(page).text for page in ("/", "/history", "/feed.atom"))
    assert carl.gets(f"/tasks/{task}").status_code == 200
    assert "Secret plans" in carl.gets("/").text


def test_of_many_who_ask_at_once_one_asks_the_forge(house: House) -> None:
    inside, joined, asked = threading.Event(), threading.Event(), []

    class Asked(dict[int, Future[str]]):
        def get(self, key: int, default: Any = None) -> Any:
            found = super().get(key, default)
            if found:
                joined.set()
            return found

    def ask() -> str:
        asked.append(1)
        inside.set()
        assert joined.wait(10)
        raise Unavailable("The forge does not answer.")

    kept = Kept[int, str](house.clock, 60, 10)
    kept._asked = Asked()
    with ThreadPoolExecutor(2) as both:
        first = both.submit(kept.get, 1, ask)
        assert inside.wait(10)
        second = both.submit(kept.get, 1, ask)
        assert isinstance(first.exception(10), Unavailable)
        assert isinstance(second.exception(10), Unavailable)
    assert asked == [1]
    assert kept.get(1, lambda: "yes") == kept.get(1, lambda: "no") == "yes"
    assert kept.get(2, lambda: "other") == "other"


@pytest.mark.world(anonymous=True)
def test_whoever_is_not_signed_in_sees_no_machines(house: House) -> None:
    house.agent("gpu-1", host="secret-host")
    for page in ("/", "/history"):
        assert "secret-host" not in house.visit().gets(page).text
    assert "0 of 2 slots are in use. Sign in to see agents and hosts." in house.visit().gets("/").text
    assert "secret-host" in house.signed_in("zoe").gets("/").text


def test_what_may_not_be_seen_cannot_be_told_from_what_is_not_there(house: House) -> None:
    task, zoe = house.task(PRIVATE, 1, "Fix it"), house.signed_in("zoe")
    for rest in ("", "/live", "/log", "/log.txt", "/prompt"):
        hidden, missing = (re.sub(r'nonce="[^"]*"', "", zoe.gets(f"/tasks/{x}{rest}").text) for x in (task, "t_no"))
        assert hidden == missing
