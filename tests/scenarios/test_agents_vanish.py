"""Agents die, hang and come back as zombies; nobody loses anything by it."""

from tests.world import World


def test_an_agent_that_vanishes_costs_nobody_anything(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    first = world.pull_agent("gpu-1", capabilities=["python"])
    first.claims(issue).starts()
    first.vanishes()

    world.minutes_pass(4)

    issue.shows(label="fleet/queued", says="gpu-1 has not answered for 3 min; the task is back in the queue.")
    second = world.pull_agent("gpu-2", capabilities=["python"])
    second.claims(issue).finishes(changing={"login.py": "fixed"})
    issue.shows(label="fleet/review", status="success", pull_request=1)
    issue.tells("done in")
    first.comes_back().reports("still at it").is_refused("stale fence")
    first.completes("done", "mine").is_refused("stale fence")
    issue.shows(label="fleet/review", pull_request=1)


def test_a_zombies_result_is_not_published(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    zombie = world.pull_agent("gpu-1", ["python"]).claims(issue)
    zombie.vanishes()
    world.minutes_pass(4)
    world.pull_agent("gpu-2", ["python"]).claims(issue).finishes({"login.py": "by the second"})
    issue.tells("done in")

    zombie.comes_back().is_told("drop")
    refused = zombie._about_task("complete", {"outcome": "done", "receipt": {}})
    assert refused.status_code == 409
    assert world.repo.read_file(issue.branches()[0], "login.py") == "by the second"


def test_the_third_lost_run_in_a_row_ends_the_task(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    for name in ("gpu-1", "gpu-2", "gpu-3"):
        world.pull_agent(name, ["python"]).claims(issue).vanishes()
        world.minutes_pass(4)
    issue.shows(label="fleet/failed")
    issue.tells("the agent vanished several times in a row")


def test_an_agent_that_leaves_hands_its_work_back(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    first = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    assert first.leaves()
    issue.shows(label="fleet/queued", says="gpu-1 handed the task back")
    world.pull_agent("gpu-2", ["python"]).claims(issue).finishes({"login.py": "fixed"})
    issue.tells("done in")


def test_heartbeats_keep_a_long_run_alive(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    world.minutes_pass(20)
    agent.finishes({"login.py": "fixed"})
    issue.tells("done in 20 min")


def test_nobody_fits_until_the_right_agent_comes(world: World) -> None:
    issue = world.writer.opens_issue("Train the model", labels=["agent:python", "agent:gpu"])
    world.pull_agent("cpu-1", ["python"]).gets_nothing()
    issue.shows(label="fleet/queued", says="No agent that is online offers `gpu`, `python`")
    big = world.pull_agent("gpu-1", ["gpu", "python"])
    issue.shows(says="Queued as number 1.")
    big.claims(issue).finds_nothing("it is trained")
    issue.tells("found nothing to change")
