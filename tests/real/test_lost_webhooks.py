"""The forge sends a webhook once; what was lost is found by asking."""

import pytest

from tests.real.place import Place

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def test_a_sweep_finds_a_label_whose_webhook_was_lost(place: Place) -> None:
    place.configure(sweep_secs=2)
    place.serve()
    assert place.setup().code == 0
    for hook in place.ann.call("GET", "/hooks"):
        place.ann.call("PATCH", f"/hooks/{hook['id']}", {"active": False})
    place.start_agent()
    number = place.bob.open_issue("Make slugs of titles", "Please write `measures/slug.py`.", "agent:python")
    pull = place.until_ready(number)

    place.until(lambda: place.ann.call("GET", f"/pulls/{pull['number']}")["mergeable"] or None, "mergeable")
    place.ann.call("POST", f"/pulls/{pull['number']}/merge", {"Do": "merge"})
    place.until_state(number, "done")  # the merge was seen without a webhook too


def test_what_happened_while_the_server_was_away_is_found_at_its_start(place: Place) -> None:
    place.configure()
    place.serve()
    assert place.setup().code == 0
    place.stop_serving()
    number = place.bob.open_issue("Make slugs of titles", "Please write `measures/slug.py`.", "agent:python")
    place.serve()
    place.start_agent()
    place.until_ready(number)
