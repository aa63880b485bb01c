"""A command happens once: also when the server dies, when the forge is away, and when people overdo it."""

from pathlib import Path

import pytest

from tests.scenarios.test_power_cuts import _until_it_works
from tests.world import World
from tests.world.issues import IssueView
from tests.world.power import cuts
from tests.world.world import world as build

#: So that the runs can be spread over processors.
SHARES = 4


def _story(world: World) -> IssueView:
    issue = world.writer.opens_issue("Fix the login")
    _until_it_works(world, world.settles)
    issue.issue.comment(world.writer.person, "/fleet run priority=high\n/fleet hold\n/fleet ping")
    _until_it_works(world, world.settles)
    _until_it_works(world, world.sweeps)
    _until_it_works(world, lambda: world.seconds_pass(30))
    return issue


def _ends_as_it_should(world: World, issue: IssueView) -> None:
    issue.shows(label="fleet/held", says="Held by `/fleet hold`.")
    issue.tells("agent-fleet ")
    assert issue.task().priority == 0
    assert len(issue.bot_comments()) == 2, [c.body for c in issue.bot_comments()]
    found = [x.content for x in issue.issue.comments[0].reactions]
    assert found == ["eyes"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_power_cut_at_any_point_changes_nothing_in_the_end(share: int, tmp_path: Path) -> None:
    with build(tmp_path / "whole") as world:
        _ends_as_it_should(world, _story(world))
        points = world.power.passed
    assert points > 20, "the story passes fewer points than it should"
    for at in cuts(points, share, SHARES):
        with build(tmp_path / str(at)) as world:
            world.power.cut_at = at
            _ends_as_it_should(world, _story(world))


def test_a_command_is_kept_while_the_forge_fails(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login")
    world.settles()
    world.forge.faults.fails("GET", f"*/issues/{issue.number}", status=500, times=2)
    said = world.writer.says(issue, "/fleet run")
    said.is_answered("I could not do this: Forgejo answered 500. Your command is kept and will be tried until")
    world.minutes_pass(2)
    said.is_answered("Queued as number 1. No agent is online; it starts as soon as one is.")
    said.gets("eyes")
    issue.shows(label="fleet/queued")


def test_a_command_that_cannot_be_done_for_an_hour_is_given_up(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login")
    world.settles()
    world.forge.faults.fails("GET", f"*/issues/{issue.number}", status=500, times=10_000)
    said = world.writer.says(issue, "/fleet run")
    world.minutes_pass(70)
    said.is_answered("I could not do this: Forgejo answered 500. Nothing was run; please comment again. Reference ")
    said.gets("confused")


def test_more_than_ten_commands_at_once_are_refused(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login")
    world.writer.says(issue, "/fleet ping\n" * 11).is_answered(
        "There are more than 10 commands in this comment. Nothing was run; post fewer at a time."
    )


def test_who_gives_too_many_commands_is_told_once(world: World) -> None:
    issues = [world.writer.opens_issue(f"Number {n}") for n in range(2)]
    for _ in range(6):
        world.writer.says(issues[0], "/fleet ping\n" * 10).gets("eyes")
        issues[0].tells("agent-fleet ")
    said = world.writer.says(issues[1], "/fleet run")
    said.is_answered("You have given 60 commands within an hour, and that is the limit. Nothing was run; go on later.")
    world.writer.says(issues[1], "/fleet run").gets("confused")
    issues[1].shows(label="")
    world.minutes_pass(61)
    world.writer.says(issues[1], "/fleet run").is_answered("Queued as number 1.")
    issues[1].shows(label="fleet/queued")


def test_a_review_runs_nothing_and_says_so(world: World) -> None:
    agent = world.pull_agent("gpu-1", ["python"])
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent.claims(issue).finishes({"login.py": "fixed"})
    issue.tells("is ready for review")
    pull = issue.pull()
    pull.review(world.writer.person, "COMMENT", "/fleet retry")
    issue.shows(label="fleet/review")
    said = [x.body for x in pull.comments if x.by is world.bot]
    assert [x.partition("\n")[0] for x in said] == ["Reviews do not run commands; please post it as a normal comment."]


def test_a_pull_request_of_people_has_no_task_to_steer(world: World) -> None:
    world.repo.commit(world.writer.person, "by-hand", {"notes.txt": "by hand"})
    pull = world.repo.open_pull(world.writer.person, "by-hand", title="By hand")
    pull.comment(world.writer.person, "/fleet run")
    world.settles()
    said = [x.body.partition("\n")[0] for x in pull.comments if x.by is world.bot]
    assert said == ["This pull request does not belong to a task. Post the command on an issue."]


def test_a_text_that_nobody_vouches_for_becomes_a_request(world: World) -> None:
    """Found by the sweep: a writer's label on a reader's issue, which the reader may have edited since."""
    issue = world.reader.opens_issue("Fix the login", "It says 500.")
    world.settles()
    world.seconds_pass(5)
    world.writer.labels(issue, "agent:python")
    world.forge.deliveries.drop()
    world.sweeps()
    world.pull_agent("gpu-1", ["python"]).gets_nothing()
    issue.shows(label="fleet/requested")


def test_a_body_that_no_webhook_told_of_is_heard_by_the_sweep_also_after_a_failure(world: World) -> None:
    agent = world.pull_agent("gpu-1", ["python"])
    issue = world.writer.opens_issue("Fix the login", "It says 500.\n\n/fleet run")
    world.forge.deliveries.drop()
    world.forge.faults.fails("GET", f"*/issues/{issue.number}/timeline", status=500, times=1)
    world.sweeps()
    agent.gets_nothing()
    issue.tells("I could not do this: Forgejo answered 500.")
    world.seconds_pass(20)
    world.sweeps()
    agent.claims(issue)
    issue.tells("Done now: Forgejo answers again.")
