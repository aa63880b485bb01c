"""Agents, hosts, tokens: what operators press happens, and stands in the book with their name."""

import re

from bot.service import host_agents
from bot.service.agents import heartbeat
from bot.store import agents, audit, host_checks, hosts, tokens
from tests.unit.dashboard.conftest import House, Visit


def operator(house: House) -> Visit:
    visit = house.visit()
    visit.signs_in_with(house.token())
    return visit


def status(house: House, agent: str) -> str:
    found = house.fleet.read(lambda sql: agents.find(sql, agent))
    assert found is not None
    return found.status


def book(house: House) -> list[tuple[str, str, str]]:
    return [(x.person, x.deed, x.subject) for x in reversed(house.fleet.read(audit.newest))]


def test_an_agent_is_drained_and_takes_work_again(house: House) -> None:
    house.agent("gpu-1")
    ops = operator(house)
    page = ops.gets("/agents").text
    assert "0 of 2" in page
    assert ">Drain<" in page
    ops.posts("/agents/drain", agent="gpu-1")
    ops.posts("/agents/drain", agent="gpu-1")  # pressed twice: done once
    assert status(house, "gpu-1") == agents.DRAINING
    heartbeat(house.fleet, "gpu-1", [])
    assert status(house, "gpu-1") == agents.DRAINING
    assert "Take work again" in ops.gets("/agents").text
    ops.posts("/agents/undrain", agent="gpu-1")
    assert status(house, "gpu-1") == agents.ONLINE
    assert book(house)[1:] == [("token:ops", "drained", "gpu-1"), ("token:ops", "let take work again", "gpu-1")]
    assert ops.posts("/agents/drain", agent="nobody").status_code == 404


def test_an_agent_that_is_silent_takes_no_work_by_being_let(house: House) -> None:
    house.agent("gpu-1")
    ops = operator(house)
    ops.posts("/agents/drain", agent="gpu-1")
    house.clock.forward(house.fleet.lease_secs + 1)
    ops.posts("/agents/undrain", agent="gpu-1")
    assert status(house, "gpu-1") == agents.OFFLINE


def test_people_see_agents_without_buttons(house: House) -> None:
    house.agent("gpu-1")
    page = house.signed_in("carl").gets("/agents").text
    assert "gpu-1" in page
    assert "<button" not in page


def test_a_host_is_drained_with_all_its_agents(house: House) -> None:
    host_agents.register(house.fleet)
    host_agents.stands(house.fleet, "vm-1", hosts.UP, "")
    ops = operator(house)
    ops.posts("/hosts/drain", host="vm-1")
    assert status(house, "vm-1.codex-cli") == agents.DRAINING
    host_agents.stands(house.fleet, "vm-1", hosts.UP, "")
    assert "Take work again" in ops.gets("/hosts").text
    ops.posts("/hosts/undrain", host="vm-1")
    assert status(house, "vm-1.codex-cli") == agents.ONLINE
    assert [deed for _, deed, subject in book(house) if subject == "vm-1.codex-cli"] == [
        "drained",
        "let take work again",
    ]


def test_a_check_is_wanted_by_somebody(house: House) -> None:
    ops = operator(house)
    ops.posts("/hosts/check", host="vm-1")
    assert house.fleet.read(host_checks.waiting) == ["vm-1"]
    assert "token:ops wants it checked" in ops.gets("/hosts").text
    house.fleet.store.write(lambda sql: host_checks.done(sql, "vm-1", good=True, said="<b>fine</b>", at=house.clock()))
    assert "for token:ops: &lt;b&gt;fine&lt;/b&gt;" in ops.gets("/hosts").text
    assert ops.posts("/hosts/check", host="vm-9").status_code == 404
    assert ("token:ops", "wanted checked", "vm-1") in book(house)


def test_a_token_is_shown_once_and_revoked(house: House) -> None:
    ops = operator(house)
    made = ops.posts("/tokens", role="agent", agent="gpu-7", repos="ann/*, ann/demo", days="30")
    [secret] = re.findall(r"<code>(aft_[A-Za-z0-9_-]{40,})</code>", made.text)
    assert made.headers["Cache-Control"] == "no-store"
    token = house.fleet.read(lambda sql: tokens.find(sql, secret))
    assert token is not None
    assert (token.agent, token.repos, token.usable(house.clock())) == ("gpu-7", ("ann/*", "ann/demo"), True)
    assert not token.usable(house.clock() + 30 * 86_400)
    assert secret not in ops.gets("/tokens").text
    assert ops.posts("/tokens/revoke", token=token.prefix).status_code == 303
    again = house.fleet.read(lambda sql: tokens.find(sql, secret))
    assert again is not None
    assert not again.usable(house.clock())
    assert [deed for _, deed, subject in book(house) if subject == token.prefix] == ["made a token", "revoked a token"]
    assert secret not in str(house.fleet.read(audit.newest))


def test_a_token_that_cannot_be_is_not_made(house: House) -> None:
    ops = operator(house)
    for wrong in (
        {"role": "root"},
        {"role": "agent"},
        {"role": "agent", "agent": "../x"},
        {"role": "agent", "agent": "a", "repos": "everything"},
        {"role": "read", "days": "-1"},
        {"role": "read", "days": "99999"},
        {"role": "read", "days": "٣"},
    ):
        assert ops.posts("/tokens", **wrong).status_code == 422, wrong
    assert len(house.fleet.read(tokens.listed)) == 1
