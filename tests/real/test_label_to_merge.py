"""From a label to a merged pull request, with every part of it a real one."""

import pytest

from bot.demo.story import IDEAS
from tests.real.place import Place

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture
def fleet(place: Place) -> Place:
    """Server, webhook and one agent."""
    place.configure()
    place.serve()
    done = place.setup()
    assert done.code == 0, done.out + done.err
    place.start_agent()
    return place


def test_a_writers_label_becomes_a_merged_pull_request(fleet: Place) -> None:
    number = fleet.bob.open_issue("Make slugs of titles", "Please write `measures/slug.py`.", "agent:python")
    pull = fleet.until_ready(number)
    fleet.until_state(number, "review")
    assert pull["user"]["login"] == fleet.bot.login
    assert pull["base"]["ref"] == "main"
    files = fleet.ann.call("GET", f"/pulls/{pull['number']}/files")
    assert [x["filename"] for x in files] == ["measures/slug.py"]

    merge = {"Do": "merge", "head_commit_id": pull["head"]["sha"]}
    # The forge may still be finding out whether it can be merged (405 until then).
    fleet.until(lambda: fleet.ann.call("GET", f"/pulls/{pull['number']}")["mergeable"] or None, "mergeable")
    fleet.ann.call("POST", f"/pulls/{pull['number']}/merge", merge)

    fleet.until_state(number, "done")
    fleet.until(lambda: fleet.ann.call("GET", f"/issues/{number}")["state"] == "closed", "closed issue")
    assert fleet.file("measures/slug.py") == IDEAS["slug"][0]
    # Edits of the one status comment keep a distance, so the last one may still be due.
    fleet.until(lambda: any(f"#{pull['number']}" in x for x in fleet.status_comments(number)), "told of the merge")
    assert len(fleet.status_comments(number)) == 1
    assert len(fleet.pulls(number)) == 1


def test_an_outsiders_label_by_the_web_form_starts_nothing(fleet: Place) -> None:
    login, full_name = fleet.zoe.login, fleet.full_name
    theirs = fleet.forge.open_issue_by_web_form(full_name, login, "Work on `measures/slug.py`", ["agent:python"])
    fleet.until_state(theirs, "requested")
    # Another issue goes all the way past it, through the same server and the same idle agent.
    number = fleet.bob.open_issue("The median of an even list", "See `measures/median.py`.", "agent:python")
    fleet.until_ready(number)
    assert fleet.states(theirs) == ["fleet/requested"]
    assert fleet.pulls(theirs) == []
