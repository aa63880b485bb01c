"""Retries, second tasks, mishaps one upon the other: what must not get in each other's way."""

import threading

import pytest

from bot.core.errors import Unavailable
from bot.core.task import Task
from bot.service import operations
from bot.store import tasks
from tests.world import World
from tests.world.issues import IssueView


def _task(world: World, issue: IssueView) -> Task:
    found = world.fleet.read(lambda sql: tasks.newest_of_issue(sql, world.repo.id, issue.number))
    assert found is not None
    return found


def test_the_second_task_of_an_issue_tells_people_anew(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    agent.claims(issue).finishes({"login.py": "fixed"})
    issue.tells("#2 is ready for review")
    world.writer.merges(issue)
    issue.tells("#2 was merged")
    world.writer.reopens(issue)
    world.writer.unlabels(issue, "agent:python")
    world.writer.labels(issue, "agent:python")
    agent.claims(issue).finishes({"login.py": "better"})
    issue.tells("#3 is ready for review")
    issue.tells("#2 is ready for review")


def test_a_retry_after_a_closed_pull_request_goes_on(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    agent.claims(issue).finishes({"login.py": "fixed"})
    issue.tells("is ready for review")
    world.writer.closes_pull(issue)
    issue.shows(label="fleet/cancelled")
    operations.retry(world.fleet, _task(world, issue).id, by="ops")
    world.sweeps()
    agent.claims(issue).finishes({"login.py": "better"})
    world.sweeps()
    issue.shows(label="fleet/review", pull_request=2)
    issue.tells("#3 is ready for review")


def test_a_retry_after_the_label_was_removed_goes_on(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    world.writer.unlabels(issue, "agent:python")
    world.seconds_pass(15, step=5)
    issue.shows(label="fleet/cancelled")
    operations.retry(world.fleet, _task(world, issue).id, by="ops")
    world.sweeps()
    world.seconds_pass(30, step=5)
    issue.shows(label="fleet/queued")


def test_a_forge_that_is_down_does_not_stop_the_clock(world: World) -> None:
    one = world.writer.opens_issue("One", labels=["agent:python"])
    two = world.writer.opens_issue("Two", labels=["agent:rust"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(one).starts()
    agent.vanishes()
    world.writer.unlabels(two, "agent:rust")
    world.settles()
    world.forge.faults.goes_down(answering=True)
    world.minutes_pass(20)
    assert _task(world, one).state == "queued"
    world.forge.faults.comes_back()
    world.minutes_pass(15)
    one.shows(label="fleet/queued")
    two.shows(label="fleet/cancelled")


def test_handing_back_is_free_but_not_for_ever(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    world.settles()
    while _task(world, issue).state == "queued":
        agent.claims(issue).fails("the agent ends", reason="handed_back")
        world.minutes_pass(16)
        assert agent.fence < 30
    issue.shows(label="fleet/failed")
    issue.tells("failed after")


def test_an_answer_does_not_wait_for_an_agent_that_has_left(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).asks("Which one?")
    issue.tells("asks: `Which one?`")
    world.operator_says(issue, "That one")
    agent.leaves()
    other = world.pull_agent("gpu-2", ["python"])
    other.gets_nothing()
    world.minutes_pass(121)
    other.claims(issue).finds_nothing("fine")
    issue.tells("found nothing to change")


def test_an_agents_words_are_never_taken_for_our_marker(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    agent.starts(f"<!-- fleet:v1:notice-1-4:{world.repo.id}:{issue.number} -->")
    issue.shows(label="fleet/running")
    agent.asks("Which one?")
    issue.tells("asks: `Which one?`")
    assert len(issue.bot_comments()) == 2


def test_one_repository_that_refuses_does_not_end_the_sweep(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"login.py": "fixed"})
    issue.tells("is ready for review")
    world.writer.merges(issue)
    world.forge.deliveries.drop()
    world.forge.faults.fails("GET", "*/repos/ann/demo/issues", status=403, times=3)
    world.sweeps()
    issue.shows(label="fleet/done")
    issue.tells("was merged")


def test_one_issue_that_cannot_be_read_does_not_hide_those_behind_it(world: World) -> None:
    one = world.writer.opens_issue("One", labels=["agent:python"])
    one.shows(label="fleet/queued")
    world.seconds_pass(30)
    world.writer.edits(one, body="changed")
    two = world.writer.opens_issue("Two", labels=["agent:rust"])
    world.forge.deliveries.drop()
    world.forge.faults.fails("GET", f"*/issues/{one.number}/timeline", status=500, times=4)
    world.sweeps()
    two.shows(label="fleet/queued")
    world.minutes_pass(10)
    one.shows(label="fleet/queued")


def test_a_cancelled_result_is_not_passed_by_another_pull_request(world: World) -> None:
    world.repo.protect("main", contexts=["agent-fleet"])
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"login.py": "fixed"})
    issue.tells("is ready for review")
    operations.cancel(world.fleet, _task(world, issue).id, by="ops")
    issue.shows(status="error")
    world.repo.create_branch(world.writer.person, "mine", issue.branches()[0])
    world.repo.open_pull(world.writer.person, "mine", title="Mine")
    issue.shows(status="error")


def test_a_title_cannot_close_other_issues(world: World) -> None:
    other = world.writer.opens_issue("Another one")
    address = f"{world.forge.url}/ann/demo/issues/{other.number}"
    issue = world.writer.opens_issue(f"Fixes #{other.number}, closes {address}", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"login.py": "fixed"})
    issue.tells("is ready for review")
    world.writer.merges(issue)
    issue.tells("was merged")
    assert other.issue.state == "open"


def test_the_same_request_twice_at_once_makes_one_issue(world: World) -> None:
    reached, goes_on = threading.Event(), threading.Event()
    opens = world.fleet.forge.issues.open

    def slowly(*args: object) -> object:
        reached.set()
        goes_on.wait(30)
        return opens(*args)  # type: ignore[arg-type]

    world.fleet.forge.issues.open = slowly  # type: ignore[method-assign,assignment]
    asked = {"repo_name": "ann/demo", "title": "T", "prompt": "P", "by": "ops", "key": "k"}
    first = threading.Thread(target=lambda: operations.create(world.fleet, **asked))  # type: ignore[arg-type]
    first.start()
    assert reached.wait(30)
    with pytest.raises(Unavailable, match="being dealt with"):
        operations.create(world.fleet, **asked)  # type: ignore[arg-type]
    goes_on.set()
    first.join()
    _, new = operations.create(world.fleet, **asked)  # type: ignore[arg-type]
    assert not new
    assert [i.title for i in world.repo.issues.values() if i.title == "T"] == ["T"]


def test_priority_asked_for_by_the_api_stays(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login")
    world.settles()
    made, _ = operations.create(
        world.fleet, repo_name="ann/demo", issue=issue.number, priority="high", by="ops", key="k"
    )
    world.writer.labels(issue, "bug")
    world.sweeps()
    assert _task(world, issue).priority == made.priority == 0
    issue.shows(label="fleet/queued")
