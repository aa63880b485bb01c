"""One person can only start so much; they are told once, and nothing is forgotten over a restart."""

import pytest

from tests.world import World


@pytest.mark.world(rate_limits={"starts_per_hour": 2, "starts_per_day": 3})
def test_one_person_starts_so_much_and_no_more(world: World) -> None:
    agent = world.pull_agent("gpu-1", ["python"], max_concurrency=9)
    first = world.writer.opens_issue("One", labels=["agent:python"])
    second = world.writer.opens_issue("Two")
    world.writer.says(second, "/fleet run").is_answered("Queued as number 2.")
    world.restarts()
    third = world.writer.opens_issue("Three", labels=["agent:python"])
    said = "@bob you have started 2 tasks within an hour, and that is the limit for one person. Nothing was started"
    third.tells(said)
    fourth = world.writer.opens_issue("Four", labels=["agent:python"])
    fourth.is_quiet()
    world.writer.says(fourth, "/fleet run").gets("confused")  # told already
    for issue in (first, second):
        agent.claims(issue).finds_nothing("fine")
        issue.tells("found nothing to change")
    world.writer.says(first, "/fleet retry").gets("confused")
    world.restarts()
    world.sweeps()
    agent.gets_nothing()
    world.owner.says(fourth, "/fleet run").gets("eyes")  # an admin
    agent.claims(fourth).finds_nothing("fine")
    fourth.tells("found nothing to change")

    world.clock.forward(3700)
    agent.beats()
    world.sweeps()
    agent.gets_nothing()  # a label that was refused starts nothing later
    world.writer.says(third, "/fleet run").gets("eyes")
    agent.claims(third).finds_nothing("fine")
    third.tells("found nothing to change")
    world.clock.forward(3700)
    agent.beats()
    world.writer.says(third, "/fleet run").gets("confused")  # told within these 24 hours


def test_a_repository_is_stricter_and_counts_requests_too(world: World) -> None:
    world.owner.commits_to("main", {".forgejo/fleet.toml": "starts_per_day = 1\ncommands_per_hour = 3\n"})
    issue, other = world.writer.opens_issue("One"), world.writer.opens_issue("Two")
    world.reader.says(issue, "/fleet run").is_answered("Noted.")
    issue.shows(label="fleet/requested")
    world.reader.says(other, "/fleet run").is_answered("You have started 1 task within 24 hours")
    for _ in range(3):
        world.writer.says(other, "/fleet hold").is_answered("This issue is kept out of the queue")
    world.writer.says(other, "/fleet hold").is_answered("You have given 3 commands within an hour")
    world.writer.says(other, "/fleet unhold").gets("confused")
    world.owner.says(other, "/fleet unhold").gets("eyes")


@pytest.mark.world(rate_limits={"starts_per_hour": 1, "admins_exempt": False})
def test_admins_are_limited_where_they_are_not_exempt(world: World) -> None:
    issue, other = world.owner.opens_issue("One", labels=["agent:python"]), world.owner.opens_issue("Two")
    issue.shows(label="fleet/queued")
    world.owner.says(other, "/fleet run").is_answered("You have started 1 task within an hour")
