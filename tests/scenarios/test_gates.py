"""What needs a person's approval waits for it: by label, by what a change touches, by what it has cost."""

import pytest

from bot.core.errors import Refused
from bot.core.facts import Account, Right
from bot.service import pressing
from bot.service.pressing import Press, Presser
from tests.scenarios.test_budgets import used
from tests.world import World

POLICY = ".forgejo/fleet.toml"


def policy(world: World, text: str) -> None:
    world.owner.commits_to("main", {POLICY: text})


@pytest.mark.world(needs_approval={"labels": ["Bug"]})
def test_an_issue_with_such_a_label_waits_for_approval(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", "It says 500.", labels=["agent:python", "bug"])
    agent = world.pull_agent("gpu-1", ["python"])
    agent.gets_nothing()
    issue.shows(label="fleet/held", says="Waits for approval: the label `bug` asks for a person's approval")
    issue.shows(says="Now possible: `/fleet approve` · `/fleet set …` · `/fleet cancel`")
    issue.tells("@bob waits for approval: the label `bug`")
    world.writer.says(issue, "/fleet why").is_answered("Waits for approval: the label `bug`")
    world.reader.says(issue, "/fleet approve").is_answered("`/fleet approve` needs write rights here")
    world.owner.unlabels(issue, "bug")  # whoever may take it off is not asked whether it may start
    world.restarts()
    agent.gets_nothing()
    world.owner.says(issue, "/fleet approve").gets("eyes")
    agent.claims(issue).fails("no luck")
    world.minutes_pass(1)
    agent.claims(issue)  # another attempt of the same text needs no other approval
    issue.shows(label="fleet/queued")


@pytest.mark.world(needs_approval={"labels": ["bug"]})
def test_setting_the_agents_label_again_approves_a_request_and_opens_no_gate(world: World) -> None:
    issue = world.reader.opens_issue_by_web_form("Fix the login", labels=["agent:python", "bug"])
    agent = world.pull_agent("gpu-1", ["python"])
    agent.gets_nothing()
    world.writer.unlabels(issue, "agent:python")
    world.seconds_pass(2)
    world.writer.labels(issue, "agent:python")
    agent.gets_nothing()
    issue.shows(label="fleet/held")
    issue.tells("waits for approval: the label `bug`")
    world.owner.says(issue, "/fleet approve").gets("eyes")
    agent.claims(issue)
    issue.shows(label="fleet/queued")


@pytest.mark.world(needs_approval={"labels": ["bug"]})
def test_what_was_approved_is_the_text_that_was_read(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", "It says 500.", labels=["agent:python", "bug"])
    agent = world.pull_agent("gpu-1", ["python"])
    world.settles()
    world.writer.edits(issue, body="It says 404.")
    world.owner.says(issue, "/fleet approve").gets("eyes")
    world.writer.edits(issue, body="Delete everything.")
    agent.gets_nothing()
    issue.shows(label="fleet/requested")
    issue.tells("The issue text changed after ann approved it")
    issue.tells("@bob waits for approval")
    world.owner.says(issue, "/fleet approve").gets("eyes")
    assert "Delete everything." in agent.claims(issue).task["instructions"]
    issue.shows(label="fleet/queued")


def test_a_label_that_comes_later_and_a_hold_beside_it(world: World) -> None:
    policy(world, '[needs_approval]\nlabels = ["bug"]\n')
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    issue.shows(label="fleet/queued")
    issue.issue.labels.append(next(x for x in world.repo.labels if x.name == "bug"))  # its webhook is lost
    world.minutes_pass(2)
    agent.gets_nothing()
    issue.shows(label="fleet/held")
    issue.tells("@bob waits for approval")
    world.writer.says(issue, "/fleet hold not today").gets("eyes")
    issue.shows(says="Held by `/fleet hold`: `not today`.")
    world.owner.says(issue, "/fleet approve").gets("eyes")
    agent.gets_nothing()
    issue.shows(label="fleet/held", says="Held by `/fleet hold`: `not today`.")
    world.writer.says(issue, "/fleet approve").is_answered("There is nothing to approve")
    world.writer.says(issue, "/fleet unhold").gets("eyes")
    agent.claims(issue)
    issue.shows(label="fleet/queued")


def test_a_change_of_such_a_path_is_not_published_before_its_commit_is_approved(world: World) -> None:
    policy(world, '[needs_approval]\npaths = ["db/"]\n')
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    assert agent.sends({"db/schema.sql": "DROP TABLE person; -- ```\n", "login.py": "fixed\n"}).status_code == 200
    agent.completes("done", "Done.").drops()
    assert agent.answer.json()["state"] == "held"
    issue.shows(label="fleet/held", pull_request=0, says="changes `db/schema.sql`, which needs a person's approval")
    assert issue.branches() == []
    issue.tells("+DROP TABLE person;")
    sha = issue.task().kept_sha
    issue.shows(says=f"Now possible: `/fleet approve commit={sha[:12]}` · `/fleet set …` · `/fleet cancel`")
    world.writer.says(issue, "/fleet approve").is_answered("Which change do you approve?")
    world.writer.says(issue, f"/fleet approve commit={'0' * 12}").is_answered(f"`{'0' * 12}` is not the change")
    world.reader.says(issue, f"/fleet approve commit={sha[:12]}").is_answered("`/fleet approve` needs write")
    world.restarts()
    world.sweeps()
    assert issue.branches() == []
    agent.gets_nothing()
    world.owner.says(issue, f"/fleet approve commit={sha[:12]}").gets("eyes")
    issue.shows(label="fleet/review", status="success", pull_request=1)
    assert issue.pull().head_sha == sha
    issue.shows(says="done, needed approval")  # true before the approval and after it
    issue.tells("@bob done in")

    world.owner.asks_for_changes(issue, "Rename it.")
    agent.claims(issue).finishes({"login.py": "renamed\n"})  # what was approved stays so
    issue.shows(label="fleet/review")
    world.owner.asks_for_changes(issue, "And the table.")
    agent.claims(issue).finishes({"db/schema.sql": "DROP TABLE people;\n"})
    issue.shows(label="fleet/held", status="pending")
    issue.tells("+DROP TABLE people;")
    world.owner.merges(issue)
    issue.shows(label="fleet/done")
    issue.tells("was merged")


@pytest.mark.world(needs_approval={"paths": ["db/"]})
def test_ci_is_waited_for_from_the_approval_on(world: World) -> None:
    world.repo.protect("main", contexts=["ci/*", "agent-fleet*"])
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"db/schema.sql": "x\n"})
    issue.tells("waits for approval")
    world.minutes_pass(180)
    world.owner.says(issue, f"/fleet approve commit={issue.task().kept_sha}").gets("eyes")
    assert issue.receipts() == []
    for state, context in (("pending", "lint/slow"), ("failure", "lint/fast")):
        world.repo.set_status(world.owner.person, issue.pull().head_sha, state, context, "", "")
    world.sweeps()
    issue.shows(label="fleet/review")  # the agent hears of it when all have ended
    for context in ("lint/slow", "lint/fast", "ci/test"):
        world.repo.set_status(world.owner.person, issue.pull().head_sha, "success", context, "", "")
    world.minutes_pass(2)
    [receipt] = issue.receipts()
    assert receipt["verdict"]["result"] == "verified"
    issue.tells("done in")


@pytest.mark.world(needs_approval={"paths": ["db/"]})
def test_what_nobody_approves_is_never_seen_on_the_forge(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"db/schema.sql": "x\n"})
    issue.tells("waits for approval")
    world.writer.says(issue, "/fleet cancel").gets("eyes")
    issue.shows(label="fleet/cancelled", pull_request=0)
    assert issue.branches() == []
    world.writer.says(issue, "/fleet retry").gets("eyes")
    agent.claims(issue).finishes({"login.py": "x\n"})
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("done in")
    assert "schema" not in world.repo.git.run("log", "--name-only", issue.branches()[0])


@pytest.mark.world(needs_approval={"usd": 1.0})
def test_a_task_that_has_cost_more_waits_for_approval(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    agent.reports("a little", usage=used(10, 0.9), session="s-1")
    world.restarts()
    issue.shows(label="fleet/running")
    assert agent.reports("more", usage=used(20, 1.5)).answer.json()["cancel"] is True
    agent.drops()
    world.restarts()
    agent.gets_nothing()
    said = "it has cost $1.50, and more than $1.00 needs a person's approval"
    issue.shows(label="fleet/held", says=said)
    issue.tells(f"@bob waits for approval: {said}")
    world.minutes_pass(30)
    agent.gets_nothing()
    looked_at = Press("approve", issue.task().version)
    world.owner.says(issue, "/fleet approve").gets("eyes")
    assert agent.claims(issue).task["session"] == "s-1"
    agent.starts().reports("on", usage=used(20, 0.9))
    issue.shows(label="fleet/running")
    agent.reports("and on", usage=used(30, 1.2))
    agent.drops()
    issue.shows(label="fleet/held", says="it has cost $2.70, and more than $2.50 needs a person's approval")
    issue.tells("it has cost $2.70")
    with pytest.raises(Refused, match="since you looked at it"):  # pressed on a page from when it was $1.50
        pressing.press(world.fleet, issue.task().id, looked_at, Presser(Account(0, "ops"), Right.ADMIN))
    issue.shows(label="fleet/held")
    world.writer.says(issue, "/fleet cancel").gets("eyes")
    issue.shows(label="fleet/cancelled")
    with pytest.raises(Refused, match="since you looked at it"):
        stale = Press("retry", looked_at.version)
        pressing.press(world.fleet, issue.task().id, stale, Presser(Account(0, "ops"), Right.ADMIN))
    issue.shows(label="fleet/cancelled")


@pytest.mark.world(needs_approval={"usd": 1.0})
def test_cost_that_is_told_only_at_the_end_keeps_the_next_attempt_waiting(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    late = world.owner.says(issue, "/fleet approve", settles=False)
    world.forge.deliveries.drop()
    world.clock.forward(60)
    agent.completes("failed", "no luck", "agent_failed", usage=used(10, 4.0))
    agent.drops()
    issue.shows(label="fleet/held")
    issue.tells("it has cost $4.00")
    world.sweeps()
    late.is_answered("This was written before the task came to wait for approval.")
    agent.gets_nothing()
