"""An agent comes across other work: it may say so in an issue, and a person decides what becomes of that."""

import pytest

from tests.world import World

WORDS = "The session is never closed.\n/fleet run\n@ann look <!-- fleet:v1:opened:1:1 --> at #1"


def test_a_follow_up_waits_for_a_person(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    asked = agent.asks_for_follow_up("leak", "Close the session", WORDS, capabilities=["python"])
    assert (asked.status_code, asked.json()["state"], asked.json()["parent"]) == (201, "requested", issue.number)
    world.restarts()
    again = agent.asks_for_follow_up("leak", "Close the session", WORDS, capabilities=["python"])
    assert (again.status_code, again.json()) == (200, asked.json())
    other = agent.asks_for_follow_up("leak", "Something else")
    assert (other.status_code, other.json()["kind"]) == (409, "idempotency_key_reused")

    child = world.owner.finds("Close the session")
    assert child.number == asked.json()["issue"]
    text = child.issue.body
    assert f"Follow-up of #{issue.number}, opened by the agent gpu-1" in text
    assert "> The session is never closed." in text
    assert "@ann" not in text
    assert "\n/fleet run" not in text
    child.shows(label="fleet/requested", says="The agent gpu-1 asked for this. Someone with write access lets it start")
    issue.shows(says=f"Follow-ups opened by its agents: #{child.number} (requested).")
    agent.finds_nothing("fine")
    issue.tells("found nothing to change")
    agent.gets_nothing()
    world.sweeps()
    agent.gets_nothing()

    world.reader.says(child, "/fleet approve").is_answered("`/fleet approve` needs write rights here")
    world.writer.says(child, "/fleet approve").gets("eyes")
    agent.claims(child)
    assert "The session is never closed." in agent.task["instructions"]
    issue.shows(says=f"#{child.number} (assigned)")
    deeper = agent.asks_for_follow_up("more", "And more")
    assert (deeper.status_code, deeper.json()["kind"]) == (409, "follow_up_limit")
    assert "1 deep" in deeper.json()["detail"]
    child.shows(label="fleet/queued")


@pytest.mark.world(follow_ups={"max_per_issue": 2, "max_depth": 5})
def test_they_are_bounded_and_need_a_running_attempt(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    stranger = world.pull_agent("gpu-2", ["python"])
    stranger.task, stranger.fence = agent.task, agent.fence
    assert stranger.asks_for_follow_up("x", "Mine").status_code in (403, 404, 409)
    stranger.drops()
    world.forge.faults.fails("POST", "*/issues", applied=True)  # opened, but the answer is lost
    assert agent.asks_for_follow_up("a", "One").status_code == 503
    assert agent.asks_for_follow_up("b", "Two").status_code == 201
    world.owner.finds("Two").shows(label="fleet/requested")
    full = agent.asks_for_follow_up("c", "Three")  # the first one is there, and may never be asked for again
    assert (full.status_code, full.json()["kind"]) == (409, "follow_up_limit")
    assert agent.asks_for_follow_up("a", "One").status_code == 201
    world.owner.finds("One").shows(label="fleet/requested")
    world.owner.commits_to("main", {".forgejo/fleet.toml": "max_follow_ups = 0\n"})
    agent.fails("no luck")
    world.minutes_pass(1)
    agent.claims(issue)
    assert "may not open follow-ups here" in agent.asks_for_follow_up("d", "Four").json()["detail"]
    assert agent.asks_for_follow_up("a", "One").status_code == 200
    agent.fence -= 1
    assert agent.asks_for_follow_up("e", "Five").json()["kind"] == "stale_fence"
    agent.fence += 1
    agent.fails("no luck", "handed_back")
    other = world.pull_agent("gpu-3", ["python"]).claims(issue).starts()
    assert other.asks_for_follow_up("a", "One").status_code == 200
    issue.shows(label="fleet/running")
