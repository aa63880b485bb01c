"""From a labelled issue to a merged pull request."""

from tests.world import World


def test_a_labelled_issue_becomes_a_merged_pull_request(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", "It says 500.", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", capabilities=["python"])

    agent.claims(issue).starts("reading the issue", checklist=[("read the issue", True), ("run the tests", False)])
    issue.shows(label="fleet/running", pull_request=0, says="- [x] read the issue")

    agent.finishes(changing={"login.py": "fixed\n"}, summary="The session was never opened.")
    issue.shows(label="fleet/review", status="success", pull_request=1)
    issue.tells("@bob done in")
    assert world.repo.read_file(issue.branches()[0], "login.py") == "fixed\n"

    world.writer.merges(issue)
    issue.shows(label="fleet/done", pull_request=1)
    issue.tells(f"#{issue.pull().number} was merged.")
    assert issue.issue.state == "closed"


def test_the_pull_request_says_what_was_asked_done_and_by_whom(world: World) -> None:
    issue = world.writer.opens_issue("Fix `the` login @ann", "Closes #99 and /fleet halt", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"login.py": "x"}, summary="Done, see #77 @ann")
    issue.tells("@bob done in")

    body = issue.pull().body
    assert body.startswith(f"Closes #{issue.number}\n")
    assert "By `bob`" in body
    assert "`exec` (`gpu-1`)" in body
    assert "#77" not in body
    assert "@ann" not in body.replace("login @ann", "")  # what was asked stands in a code block


def test_nothing_to_commit_is_a_result_of_its_own(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finds_nothing("The login works since yesterday.")
    issue.shows(label="fleet/done", pull_request=0)
    issue.tells("@bob gpu-1 found nothing to change: `The login works since yesterday.`")
    assert issue.branches() == []


def test_two_agents_race_for_one_task_and_one_wins(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:any"])
    one, two = world.pull_agent("gpu-1"), world.pull_agent("gpu-2")
    one.claims(issue)
    two.gets_nothing()
    one.finishes({"login.py": "fixed"})
    issue.tells("done in")


def test_a_lost_answer_to_a_claim_is_asked_for_again(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:any"])
    agent = world.pull_agent("gpu-1")
    agent.claims(issue, claim_id="the-same")
    first = agent.fence
    agent.claims(issue, claim_id="the-same")
    assert agent.fence == first
    agent.finishes({"login.py": "fixed"})
    issue.tells("done in")


def test_the_most_urgent_and_then_the_oldest_comes_first(world: World) -> None:
    late = world.writer.opens_issue("Late", labels=["agent:any", "priority:low"])
    world.seconds_pass(1)
    first = world.writer.opens_issue("First", labels=["agent:any"])
    world.seconds_pass(1)
    second = world.writer.opens_issue("Second", labels=["agent:any"])
    world.seconds_pass(1)
    urgent = world.writer.opens_issue("Urgent", labels=["agent:any", "priority:high"])
    agent = world.pull_agent("gpu-1", max_concurrency=4)
    for issue in (urgent, first, second, late):
        agent.claims(issue).finds_nothing("fine")
        issue.tells("found nothing to change")


def test_an_agent_never_has_more_than_it_asked_for(world: World) -> None:
    one = world.writer.opens_issue("One", labels=["agent:any"])
    world.seconds_pass(1)  # of two queued at the same moment either may come first
    two = world.writer.opens_issue("Two", labels=["agent:any"])
    agent = world.pull_agent("gpu-1", max_concurrency=1)
    agent.claims(one)
    agent.gets_nothing()
    agent.finds_nothing("fine")
    agent.claims(two).finds_nothing("fine")
    one.tells("found nothing to change")
    two.tells("found nothing to change")


def test_a_second_label_after_the_end_is_a_second_task(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    agent.claims(issue).finds_nothing("fine")
    issue.tells("found nothing to change")

    world.minutes_pass(5)
    world.sweeps()
    agent.gets_nothing()  # the label is still there, and starts nothing again

    world.writer.unlabels(issue, "agent:python")
    world.seconds_pass(2)
    world.writer.labels(issue, "agent:python")
    agent.claims(issue).finishes({"login.py": "better"})
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("done in")
    assert issue.branches() == [f"fleet/{issue.number}-fix-the-login-2"]
