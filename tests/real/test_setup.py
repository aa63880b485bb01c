"""`agent-fleet setup` as a person runs it."""

from typing import Final

import pytest

from tests.real.place import Place

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

#: How long setup waits for its test delivery at most; one that arrives ends the waiting.
SETUP_WAITS_SECS: Final = 10


def _hooks(place: Place) -> list[str]:
    return [x["config"]["url"] for x in place.ann.call("GET", "/hooks")]


def test_setup_makes_what_is_missing_and_sees_its_test_delivery(place: Place) -> None:
    place.configure()
    place.serve()
    planned = place.setup("--dry-run", "--json")
    assert planned.code == 0, planned.err
    assert planned.json["test"] == "none"
    assert _hooks(place) == []

    made = place.setup("--json")
    assert made.code == 0, made.out + made.err
    assert made.json["test"] == "arrived"
    assert made.secs < SETUP_WAITS_SECS
    assert made.json["to_do"] == []
    assert [x["mark"] for x in made.json["hooks"]] == ["+"]
    labels = {x["name"]: x["exclusive"] for x in place.ann.call("GET", "/labels?limit=50")}
    assert {x["name"] for x in made.json["labels"]} <= labels.keys()
    assert labels["fleet/queued"]

    again = place.setup("--json")
    assert again.code == 0, again.out + again.err
    assert again.json["test"] == "arrived"
    assert {x["mark"] for x in again.json["labels"] + again.json["hooks"]} == {"="}
    assert _hooks(place) == [made.json["webhook"]]


def test_a_hook_is_renewed_when_asked(place: Place) -> None:
    place.configure()
    place.serve()
    assert place.setup().code == 0
    renewed = place.setup("--new-hook", "--json")
    assert renewed.code == 0, renewed.out + renewed.err
    assert renewed.json["test"] == "arrived"
    assert len(_hooks(place)) == 1


def test_setup_says_what_to_do_when_no_delivery_arrives(place: Place) -> None:
    place.configure()
    place.serve()
    place.stop_serving()  # there is a database, and nobody listens any more
    lonely = place.setup("--json")
    assert lonely.code == 1, lonely.out + lonely.err
    assert lonely.json["test"] == "missing"
    assert any("loopback" in line for line in lonely.json["to_do"])
