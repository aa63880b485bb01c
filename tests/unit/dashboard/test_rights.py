"""What visitors may see and press is the forge's word, asked again after a minute."""

import pytest

from bot.core.errors import Unavailable
from bot.dashboard.visitor import Rights, Visitor
from tests.unit.dashboard.conftest import OPEN, PRIVATE, House

NOBODY = Visitor(None, False, None, "")
OPERATOR = Visitor("token:ops", True, "s", "c")


def person(house: House, login: str) -> Visitor:
    return Visitor(login, False, "s", "c", house.forge.people[login].id)


@pytest.fixture
def rights(house: House) -> Rights:
    return Rights(house.fleet)


def test_rights_in_a_private_repository(house: House, rights: Rights) -> None:
    expected = {"ann": (True, True), "bob": (True, True), "carl": (True, False), "zoe": (False, False)}
    for login, (reads, writes) in {**expected, "fleet-bot": (False, False)}.items():
        visitor = person(house, login)
        assert (rights.may_read(visitor, PRIVATE), rights.may_write(visitor, PRIVATE)) == (reads, writes), login
        assert (PRIVATE in (rights.readable(visitor) or ())) is reads
        assert not rights.may_operate(visitor)


def test_an_open_repository_is_everybodys_to_read(house: House, rights: Rights) -> None:
    zoe = person(house, "zoe")
    assert rights.readable(zoe) == frozenset({OPEN})
    assert (rights.may_read(zoe, OPEN), rights.may_write(zoe, OPEN)) == (True, False)
    assert not rights.may_read(NOBODY, OPEN)
    assert rights.readable(NOBODY) == frozenset()


@pytest.mark.world(anonymous=True)
def test_where_anybody_may_look_it_is_at_what_the_forge_shows_anybody(house: House, rights: Rights) -> None:
    assert rights.readable(NOBODY) == frozenset({OPEN})
    assert not rights.may_write(NOBODY, OPEN)


def test_operators_see_everything_that_is_watched(house: House, rights: Rights) -> None:
    assert rights.readable(OPERATOR) is None
    assert rights.may_write(OPERATOR, PRIVATE)
    assert rights.may_operate(OPERATOR)
    house.fleet.remember(house.fleet.forge.repos.named(OPEN), watch=False)
    assert not rights.may_read(OPERATOR, OPEN)
    assert not rights.may_read(OPERATOR, "ann/unheard-of")


def test_a_right_that_was_taken_away_is_gone_within_a_minute(house: House, rights: Rights) -> None:
    bob, repo = person(house, "bob"), house.forge.find(PRIVATE)
    assert repo is not None
    assert rights.may_write(bob, PRIVATE)
    asked = len(house.forge.requests)
    assert rights.may_write(bob, PRIVATE)
    assert len(house.forge.requests) == asked
    repo.grant(house.forge.person("bob"), "read")
    house.clock.forward(60)
    assert not rights.may_write(bob, PRIVATE)
    assert rights.may_read(bob, PRIVATE)


def test_whoever_takes_over_a_name_gets_none_of_its_rights(house: House, rights: Rights) -> None:
    assert not rights.may_read(Visitor("bob", False, "s", "c", 4711), PRIVATE)


def test_without_an_answer_nobody_sees_anything(house: House, rights: Rights) -> None:
    house.forge.faults.down = "answering 503"
    with pytest.raises(Unavailable):
        rights.may_read(person(house, "ann"), PRIVATE)
    assert rights.may_read(OPERATOR, PRIVATE)
    house.forge.faults.down = ""
    assert rights.may_read(person(house, "ann"), PRIVATE)


def test_where_the_forge_does_not_tell_the_bot_open_ones_are_still_open(house: House, rights: Rights) -> None:
    """A bot that only writes may not ask for the rights of others."""
    for name in (PRIVATE, OPEN):
        repo = house.forge.find(name)
        assert repo is not None
        repo.grant(house.forge.person("fleet-bot"), "write")
    assert rights.readable(person(house, "bob")) == frozenset({OPEN})
    assert not rights.may_write(person(house, "bob"), OPEN)
