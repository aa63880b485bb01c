"""The forge is away for a while; when it is back it shows everything as it is."""

from tests.world import World


def test_all_that_is_shown_catches_up(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    assert agent.sends({"login.py": "fixed"}).status_code == 200
    world.forge.faults.goes_down(answering=True)
    agent.completes("done", "Done.").drops()
    world.minutes_pass(5)
    assert issue.branches() == []

    world.forge.faults.comes_back()
    world.minutes_pass(12)
    issue.shows(label="fleet/review", status="success", pull_request=1)
    issue.tells("done in")


def test_a_source_that_cannot_be_fetched_now_is_asked_for_again(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    world.forge.faults.goes_down(answering=True)
    answer = agent._call("GET", f"tasks/{agent.task['task_id']}/source", params=agent._who())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    world.forge.faults.comes_back()
    agent.finishes({"login.py": "fixed"})
    issue.tells("done in")


def test_answers_that_are_lost_after_the_deed_double_nothing(world: World) -> None:
    for path in ("*/comments", "*/pulls", "*/labels", "*/statuses/*"):
        world.forge.faults.fails("POST", path, status=502, applied=True)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"login.py": "fixed"})
    world.minutes_pass(5)
    issue.shows(label="fleet/review", status="success", pull_request=1)
    issue.tells("done in")
    assert len([c for c in issue.bot_comments() if "done in" in c.body]) == 1
    names = [x.name for x in world.repo.labels]
    assert len(names) == len(set(names)), names
