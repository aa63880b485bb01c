"""Badges and the feed: fetched by programs, so open repositories only, unless somebody is signed in."""

from typing import Final
from xml.etree import ElementTree as Xml

from bot.core.events import Claimed, GaveUp, Merged, PullRequestOpened, ResultAccepted, Started
from bot.core.reasons import Reason
from tests.unit.dashboard.conftest import OPEN, PRIVATE, House

_ATOM: Final = "{http://www.w3.org/2005/Atom}"
RESULT = ResultAccepted(1, "a" * 40, "b" * 40, 1, 1, 1, 0, "d" * 64, "e" * 64, "f" * 64)
CLAIMED = Claimed(1, "gpu-1", "exec", "h", "http_pull")


def said_by_badge(house: House, repo: str, login: str = "") -> str:
    visit = house.signed_in(login) if login else house.visit()
    answer = visit.gets(f"/badge/{repo}.svg")
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    label = Xml.fromstring(answer.text).get("aria-label")
    assert label
    return label.removeprefix("agent fleet: ")


def test_a_badge_follows_the_work(house: House) -> None:
    assert said_by_badge(house, OPEN) == "nothing yet"
    task = house.task(OPEN, 1, "Fix it")
    assert said_by_badge(house, OPEN) == "1 queued"
    house.happens(task, CLAIMED, Started(1))
    assert said_by_badge(house, OPEN) == "1 working"
    house.happens(task, RESULT, PullRequestOpened(9), Merged(9, "ann", "c" * 40))
    assert said_by_badge(house, OPEN) == "last done"


def test_a_badge_does_not_tell_what_is_hidden_from_what_is_not_there(house: House) -> None:
    house.task(PRIVATE, 1, "Fix it")
    assert said_by_badge(house, PRIVATE) == said_by_badge(house, "ann/nowhere") == "unknown"
    assert said_by_badge(house, PRIVATE, "zoe") == "unknown"
    assert said_by_badge(house, PRIVATE, "carl") == "1 queued"
    house.clock.forward(61)
    house.forge.faults.down = "answering 503"
    assert said_by_badge(house, OPEN) == "unknown"


def entries(house: House, login: str = "", query: str = "") -> list[str]:
    visit = house.signed_in(login) if login else house.visit()
    answer = visit.gets(f"/feed.atom{query}")
    assert answer.status_code == 200
    feed = Xml.fromstring(answer.text)
    assert feed.findtext(f"{_ATOM}id")
    assert feed.findtext(f"{_ATOM}updated")
    return [entry.findtext(f"{_ATOM}title") or "" for entry in feed.iter(f"{_ATOM}entry")]


def test_the_feed_has_what_ended_and_may_be_seen(house: House) -> None:
    first = house.task(OPEN, 1, "Open & <b>shut</b> \u202e\x07\uffff")
    house.happens(first, CLAIMED, GaveUp(1, Reason.TIMEOUT, "late"))
    second = house.task(PRIVATE, 2, "Secret")
    house.happens(second, CLAIMED, Started(1), RESULT, PullRequestOpened(3), Merged(3, "ann", "c" * 40))
    house.task(OPEN, 3, "Still waiting")
    assert entries(house) == ["Open & <b>shut</b> \ufffd – failed"]
    assert entries(house, "zoe") == ["Open & <b>shut</b> \ufffd – failed"]
    assert entries(house, "carl") == ["Secret – done", "Open & <b>shut</b> \ufffd – failed"]
    assert entries(house, "carl", f"?repo={PRIVATE}") == ["Secret – done"]
    assert house.visit().gets(f"/feed.atom?repo={PRIVATE}").status_code == 404
