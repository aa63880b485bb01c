"""Runs end when what they report passes a budget, and nothing starts where one is used up."""

from typing import Any

import pytest

from bot.settings.sections import Price
from tests.world import World


def used(tokens: int, usd: float | None = None, kind: str = "run", model: str = "m") -> list[dict[str, Any]]:
    return [{"model": model, "kind": kind, "in": tokens, "out": 0, "cost_usd": usd}]


@pytest.mark.world(budget={"run_usd": 1.0})
def test_a_run_that_costs_too_much_is_ended(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    agent.reports("a little", usage=used(10, 0.4))
    world.restarts()
    agent.reports("a little more", usage=used(20, 0.9))
    world.restarts()
    issue.shows(label="fleet/running")
    assert agent.reports("a jump", usage=used(2000, 7.5)).answer.json()["cancel"] is True
    agent.is_told("drop")
    agent.completes("done", "All the same.").is_refused("stale fence")
    agent.drops()
    issue.shows(label="fleet/failed", pull_request=0)
    issue.tells("the budget is used up (`this attempt has cost $7.50, $1.00 are allowed`)")


@pytest.mark.world(
    budget={"run_usd": 1.0}, prices={"m": Price(input_per_mtok=1000.0, output_per_mtok=1.0, cached_per_mtok=0.0)}
)
def test_what_a_cli_does_not_report_is_estimated_and_said_to_be(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    agent.reports("thinking", usage=used(2000))
    agent.drops()
    issue.tells("this attempt has cost an estimated $2.00, $1.00 are allowed")
    issue.shows(label="fleet/failed")


@pytest.mark.world(budget={"task_tokens": 1000})
def test_usage_that_comes_late_or_never(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    world.restarts()
    agent.fails("never said what it used")
    world.minutes_pass(1)
    agent.claims(issue).starts()
    world.restarts()
    agent.completes("failed", "too late", "agent_failed", usage=used(5000))
    agent.drops()
    world.minutes_pass(5)
    agent.gets_nothing()
    issue.shows(label="fleet/failed")
    issue.tells("this task has used 5000 tokens, 1000 are allowed")


@pytest.mark.world(budget={"task_secs": 600})
def test_a_run_that_never_says_what_it_used_is_held_to_its_time(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    world.minutes_pass(4)
    world.restarts()
    agent.fails("nothing said")
    world.minutes_pass(1)
    agent.claims(issue).starts()
    world.minutes_pass(4)
    world.restarts()
    world.minutes_pass(3)
    agent.fails("nothing said again")
    world.minutes_pass(2)
    agent.gets_nothing()
    issue.shows(label="fleet/failed")
    issue.tells("its attempts ran 660 s together, 600 s are allowed")


@pytest.mark.world(budget={"run_tokens": 1000})
def test_a_receipt_says_that_the_budget_was_passed(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    assert agent.sends({"login.py": "fixed"}).status_code == 200
    agent.completes("done", "Done.", usage=used(5000)).drops()
    issue.tells("done in")
    [receipt] = issue.receipts()
    assert receipt["verdict"]["result"] == "unverified"
    assert [c["observed"] for c in receipt["verdict"]["checks"] if c["rule"] == "r10"] == [
        "this attempt has used 5000 tokens, 1000 are allowed"
    ]


@pytest.mark.world(budget={"task_attempts": 2})
def test_attempts_are_a_budget_too(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    for number in (1, 2):
        agent.claims(issue).fails(f"try {number}")
        world.minutes_pass(5)
    agent.gets_nothing()
    issue.shows(label="fleet/failed", says="Raise the limit under [budget]")
    issue.tells("@bob no further attempt starts: the budget is used up (`all 2 attempts that are allowed were made`).")


@pytest.mark.world(budget={"task_attempts": 1})
def test_a_retry_that_could_not_start_leaves_the_pull_request_in_review(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    agent.claims(issue).finishes({"login.py": "fixed\n"})
    issue.tells("@bob done in")
    asked = world.writer.says(issue, "/fleet retry")
    asked.is_answered("No further attempt can start: all 1 attempts that are allowed were made. Raise the limit")
    agent.gets_nothing()
    issue.shows(label="fleet/review", status="success", pull_request=1)


@pytest.mark.world(budget={"repo_day_usd": 5.0, "day_usd": 100.0})
def test_a_repositorys_day_ends_and_another_begins(world: World) -> None:
    one = world.writer.opens_issue("One", labels=["agent:python"])
    two = world.writer.opens_issue("Two", labels=["agent:rust"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(one).starts()
    agent.reports("a lot", usage=used(10, 6.0))
    agent.drops()
    one.shows(label="fleet/queued", says="this repository today has cost $6.00, $5.00 are allowed")
    other = world.pull_agent("gpu-2", ["rust"])
    other.gets_nothing()
    world.clock.forward(86_400)
    for each in (agent, other):
        each.beats()
    world.seconds_pass(90)
    other.claims(two).finds_nothing("fine")
    agent.claims(one).finds_nothing("fine")
    one.tells("found nothing to change")
    two.tells("found nothing to change")
