"""What people do to pull requests, branches and repositories while agents work on them."""

from bot.service import reconcile
from tests.scenarios.test_feedback import in_review
from tests.world import World


def test_a_closed_pull_request_that_is_reopened_is_in_review_again(world: World) -> None:
    issue, agent = in_review(world)
    world.owner.closes_pull(issue)
    issue.shows(label="fleet/cancelled", status="error")
    world.owner.reopens_pull(issue)
    issue.shows(label="fleet/review", status="success", pull_request=1)
    world.owner.asks_for_changes(issue, "Rename it.")
    agent.claims(issue)
    world.owner.closes_pull(issue)
    world.settles()
    agent.is_told("cancel")
    agent.drops()
    issue.shows(label="fleet/cancelled")

    issue.pull().reopen(world.owner.person)
    world.forge.deliveries.drop()  # the sweep finds it
    world.sweeps()
    issue.shows(label="fleet/review", says="is ready for review")
    issue.tells("@bob #2 is open again, and in review")
    agent.gets_nothing()
    world.owner.asks_for_changes(issue, "Rename it after all.")
    assert "Rename it after all." in agent.claims(issue).task["instructions"]
    agent.finishes({"login.py": "renamed"})
    world.writer.merges(issue)
    issue.shows(label="fleet/done", pull_request=1)
    issue.tells("was merged")


def test_a_new_task_is_not_disturbed_by_an_old_pull_request(world: World) -> None:
    issue, agent = in_review(world)
    world.owner.closes_pull(issue)
    world.settles()
    world.writer.says(issue, "/fleet run")
    world.owner.reopens_pull(issue)
    agent.claims(issue)
    assert agent.task["branch"].endswith("-2")
    issue.shows(label="fleet/queued")


def test_a_deleted_branch_that_comes_back(world: World) -> None:
    issue, agent = in_review(world)
    [branch], head = issue.branches(), issue.pull().head_sha
    world.owner.drops_branch(branch)
    issue.shows(label="fleet/cancelled")
    world.writer.says(issue, "/fleet retry")
    agent.claims(issue).finishes({"login.py": "once more"})
    issue.shows(label="fleet/review", pull_request=2)
    issue.tells("done in")
    assert issue.pull().head_sha != head
    world.writer.merges(issue)
    issue.tells("was merged")


def test_what_a_person_pushed_over_the_branch_is_never_lost(world: World) -> None:
    issue, agent = in_review(world)
    [branch] = issue.branches()
    hers = world.writer.pushes_over(branch, {"hers.py": "otherwise"})
    world.owner.asks_for_changes(issue, "Add a test.")
    agent.claims(issue).finishes({"test_login.py": "a test"})
    issue.shows(label="fleet/review", pull_request=1)
    assert hers in [commit.sha for commit in world.repo.log(branch)], "the agent went on on top of it"
    assert world.repo.read_file(branch, "login.py") == "broken\n", "what she took away stays away"

    world.owner.asks_for_changes(issue, "Once more.")
    agent.claims(issue)
    assert agent.sends({"login.py": "again"}).status_code == 200
    latest = world.writer.pushes_over(branch, {"hers.py": "pushed while it worked"})
    agent.completes("done", "Done.")
    agent.drops()
    issue.shows(label="fleet/failed")
    issue.tells("the branch has commits the fleet does not know")
    assert world.repo.branches()[branch] == latest


def test_a_webhook_of_the_run_sends_red_checks_back_with_the_jobs_log(world: World) -> None:
    issue, agent = in_review(world)
    issue.checks("failure", "setup\nE   assert 1 == 0\n", swept=False)
    issue.shows(label="fleet/queued", says="because of checks that do not pass")
    assert "E   assert 1 == 0" in agent.claims(issue).task["resume_instructions"]
    agent.finishes({"login.py": "right"})
    issue.checks("success", swept=False)
    agent.gets_nothing()
    issue.shows(label="fleet/review", pull_request=1)


def test_another_default_branch_changes_nothing_for_work_that_has_begun(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    world.repo.create_branch(world.owner.person, "trunk", "main")
    world.repo.default_branch = "trunk"
    agent.finishes({"login.py": "fixed"})
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("done in")
    assert issue.pull().base == "main"
    world.sweeps()
    other = world.writer.opens_issue("Fix more", labels=["agent:python"])
    agent.claims(other).finishes({"more.py": "fixed"})
    other.tells("done in")
    assert other.pull().base == "trunk"


def test_a_base_branch_that_is_gone_stops_the_task_and_says_so(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    assert agent.sends({"login.py": "fixed"}).status_code == 200
    world.repo.create_branch(world.owner.person, "trunk", "main")
    world.repo.default_branch = "trunk"
    world.owner.drops_branch("main")
    agent.completes("done", "Fixed.")
    agent.drops()
    world.seconds_pass(90 * 60, step=600)
    issue.shows(label="fleet/failed", pull_request=0)
    issue.tells("The branch `main`, to which the pull request was to go, is gone.")
    assert world.repo.read_file(issue.branches()[0], "login.py") == "fixed", "its work is on the branch"


def test_a_repository_renamed_and_transferred_during_rework_keeps_its_tasks(world: World) -> None:
    issue, agent = in_review(world)
    world.owner.asks_for_changes(issue, "Rename it.")
    agent.claims(issue)
    world.repo.rename("demo-two")
    world.repo.transfer(world.forge.person("maria"))
    agent.finishes({"login.py": "renamed"})
    world.sweeps()
    issue.shows(label="fleet/review", status="success", pull_request=1)
    assert [r["task"]["repo"] for r in issue.receipts()] == ["ann/demo", "maria/demo-two"]
    world.writer.merges(issue)
    issue.shows(label="fleet/done")
    issue.tells("was merged")


def test_an_issue_that_is_gone_stops_its_rework(world: World) -> None:
    issue, agent = in_review(world)
    world.owner.asks_for_changes(issue, "Rename it.")
    agent.claims(issue)
    del world.repo.issues[issue.number]
    reconcile.compare(world.fleet)
    world.settles()
    agent.is_told("cancel")
    agent.completes("done", "too late").is_refused("stale fence")
    assert issue.task().why == "gone"
    agent.drops()


def test_a_repository_out_of_reach_stops_its_rework(world: World) -> None:
    issue, agent = in_review(world)
    world.owner.asks_for_changes(issue, "Rename it.")
    agent.claims(issue)
    world.repo.private = True
    world.repo.grant(world.bot, "none")
    world.sweeps()
    reconcile.compare(world.fleet)
    world.settles()
    agent.is_told("cancel")
    agent.drops()
    assert (issue.task().state.value, issue.task().why) == ("cancelled", "gone")
