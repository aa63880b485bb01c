"""The time that agents took stands on the issue when its task ends, once, where the forge tracks time."""

from tests.world import World
from tests.world.issues import IssueView


def tracked(issue: IssueView) -> list[tuple[str, int]]:
    return [(x.by.login, x.secs) for x in issue.issue.times]


def test_time_is_tracked_when_the_task_ends(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    world.minutes_pass(4)
    agent.fails("no luck")
    world.minutes_pass(1)
    agent.claims(issue).starts()
    world.minutes_pass(3)
    agent.finishes({"login.py": "fixed"})
    issue.tells("done in 3 min")
    assert tracked(issue) == []
    world.minutes_pass(60)
    world.writer.merges(issue)
    issue.tells("was merged")
    assert tracked(issue) == [("fleet-bot", 420)]

    world.writer.reopens(issue)
    world.writer.says(issue, "/fleet retry").gets("eyes")
    agent.claims(issue).starts()
    world.minutes_pass(2)
    world.writer.says(issue, "/fleet cancel").gets("eyes")
    issue.shows(label="fleet/cancelled")
    assert tracked(issue) == [("fleet-bot", 420), ("fleet-bot", 120)]
    agent.drops()


def test_an_answer_that_was_lost_is_no_second_entry(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    world.minutes_pass(4)
    world.forge.faults.fails("POST", "*/times", applied=True)
    agent.finds_nothing("fine")
    issue.tells("found nothing to change")
    world.minutes_pass(2)
    assert tracked(issue) == [("fleet-bot", 240)]


def test_a_forge_that_does_not_track_time_is_left_alone(world: World) -> None:
    world.repo.time_tracker = False
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    world.minutes_pass(4)
    agent.finds_nothing("fine")
    issue.tells("found nothing to change")
    issue.shows(label="fleet/done")
    world.repo.time_tracker = True
    world.owner.commits_to("main", {".forgejo/fleet.toml": "track_time = false\n"})
    world.writer.says(issue, "/fleet retry").gets("eyes")
    agent.claims(issue).starts()
    world.minutes_pass(4)
    agent.finds_nothing("still fine")
    issue.tells("still fine")
    assert tracked(issue) == []
