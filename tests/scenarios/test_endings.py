"""People close, merge and change their minds at any time."""

from tests.world import World


def test_closing_the_issue_cancels_what_waits(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    issue.shows(label="fleet/queued")
    world.writer.closes(issue)
    issue.shows(label="fleet/cancelled", says="Cancelled: the issue was closed")
    world.pull_agent("gpu-1", ["python"]).gets_nothing()
    world.writer.reopens(issue)
    world.settles()
    world.pull_agent("gpu-2", ["python"]).gets_nothing()


def test_closing_the_issue_stops_what_runs(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    world.writer.closes(issue)
    world.settles()
    agent.is_told("cancel")
    agent.completes("done", "too late").is_refused("stale fence")
    issue.shows(label="fleet/cancelled", pull_request=0)


def test_taking_the_label_off_stops_what_runs_after_a_moment(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    world.writer.unlabels(issue, "agent:python")
    world.settles()
    agent.is_told_nothing()
    world.seconds_pass(15, step=5)
    agent.is_told("cancel")
    issue.shows(label="fleet/cancelled", says="the `agent:` label was removed by `bob`")


def test_exchanging_one_label_for_another_only_reroutes(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    issue.shows(label="fleet/queued")
    world.writer.unlabels(issue, "agent:python")
    world.seconds_pass(3)
    world.writer.labels(issue, "agent:rust")
    world.seconds_pass(20)
    world.pull_agent("py", ["python"]).gets_nothing()
    world.pull_agent("rs", ["rust"]).claims(issue).finishes({"login.rs": "fixed"})
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("done in")
    world.writer.merges(issue)
    issue.shows(label="fleet/done")
    issue.tells("was merged")


def test_closing_the_pull_request_cancels_with_the_reason(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"login.py": "fixed"})
    issue.tells("done in")
    world.writer.closes_pull(issue)
    number = issue.pull().number
    issue.shows(label="fleet/cancelled", status="error", says=f"#{number} was closed without being merged.")


def test_a_merge_that_closes_the_issue_is_a_merge_whatever_comes_first(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"login.py": "fixed"})
    issue.tells("done in")
    world.writer.merges(issue)
    waiting = len(world.forge.deliveries.waiting)
    world.forge.deliveries.reorder(*reversed(range(waiting)))
    issue.shows(label="fleet/done", status="success")
    issue.tells("was merged")


def test_an_issue_closed_while_its_pull_request_is_open_stays_in_review(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"login.py": "fixed"})
    issue.tells("done in")
    world.writer.closes(issue)
    issue.shows(label="fleet/review")
    world.writer.merges(issue)
    issue.shows(label="fleet/done")
    issue.tells("was merged")


def test_a_repository_that_is_renamed_keeps_its_tasks(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    world.repo.rename("demo-two")
    agent.finishes({"login.py": "fixed"})
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("done in")


def test_a_pull_request_of_people_is_not_held_up_where_our_check_is_required(world: World) -> None:
    world.repo.protect("main", contexts=["agent-fleet"])
    world.repo.commit(world.writer.person, "by-hand", {"notes.txt": "by hand"})
    pull = world.repo.open_pull(world.writer.person, "by-hand", title="By hand")
    world.settles()
    said = [(s.state, s.description) for s in world.repo.statuses if s.sha == pull.head_sha]
    assert said == [("success", "Not a fleet pull request")]


def test_a_pull_request_of_people_is_left_alone_elsewhere(world: World) -> None:
    world.repo.commit(world.writer.person, "by-hand", {"notes.txt": "by hand"})
    world.repo.open_pull(world.writer.person, "by-hand", title="By hand")
    world.settles()
    assert world.repo.statuses == []
