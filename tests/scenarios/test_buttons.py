"""What people see and press on the dashboard, below its pages: the same on every database."""

import pytest

from bot.core.errors import Refused
from bot.core.facts import Account
from bot.core.lookback import look_back
from bot.core.states import State
from bot.service import overview, pressing, task_page
from bot.service.pressing import Press, Presser
from bot.store import history, log
from bot.store.history import Wanted
from tests.world import World
from tests.world.issues import IssueView
from tests.world.people import Someone


def presses(world: World, who: Someone, issue: IssueView, name: str, words: str = "", commit: str = "") -> None:
    task = issue.task()
    what = Press(name, task.version, words, task.prompt_sha256, commit)
    pressing.press(world.fleet, task.id, what, Presser(Account(who.person.id, who.login)))
    world.settles()


def test_a_look_at_the_fleet_and_at_a_task(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    for repos in (None, frozenset({issue.task().repo_id})):
        now = overview.look(world.fleet, repos, operator=False)
        assert [(x.number, x.card.title) for x in now.queue] == [(1, "Fix the login")]
        assert {x.state: x.count for x in now.board}[State.QUEUED] == 1
        assert now.waiting == 1
    assert overview.look(world.fleet, frozenset(), operator=False).waiting == 0
    world.pull_agent("gpu-1", ["python"]).claims(issue).starts("reading").finishes(changing={"login.py": "fixed"})
    world.catches_up()
    page = task_page.look(world.fleet, issue.task().id)
    assert [x.told.what for x in page.lines][-1] == "Queued"
    assert page.receipt is not None
    assert page.receipt.checks
    assert [x.took_secs is not None for x in page.runs] == [True]
    issue.tells("ready for review")


@pytest.mark.world(needs_approval={"paths": ["login.py"]})
def test_a_change_that_waits_is_approved_by_its_commit(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).starts().finishes(changing={"login.py": "fixed"})
    issue.tells("waits for approval")
    page = task_page.look(world.fleet, issue.task().id)
    assert "+fixed" in page.waits
    with pytest.raises(Refused):
        presses(world, world.writer, issue, "approve", commit="0" * 40)
    with pytest.raises(Refused):
        presses(world, world.reader, issue, "approve", commit=issue.task().kept_sha)
    presses(world, world.writer, issue, "approve", commit=issue.task().kept_sha)
    assert issue.task().state is State.REVIEW
    events = world.fleet.read(lambda sql: log.of_task(sql, issue.task().id))
    approved = [x for x in events if x.event.kind == "gate_approved"]
    assert [x.actor for x in approved] == ["person:bob"]
    issue.tells("ready for review")


def approvals(world: World, issue: IssueView) -> list[str]:
    events = world.fleet.read(lambda sql: log.of_task(sql, issue.task().id))
    return [x.actor for x in events if x.event.kind == "gate_approved"]


@pytest.mark.world(needs_approval={"labels": ["bug"]})
def test_what_waits_for_its_label_is_approved_by_the_text_that_was_read(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", "It says 500.", labels=["agent:python", "bug"])
    agent = world.pull_agent("gpu-1", ["python"])
    issue.tells("@bob waits for approval: the label `bug`")
    page = task_page.look(world.fleet, issue.task().id)
    assert "It says 500." in page.asked
    assert "approve" in [x.name for x in page.buttons]
    world.writer.edits(issue, body="Delete everything.")
    with pytest.raises(Refused, match="nothing was approved"):
        presses(world, world.owner, issue, "approve")
    agent.gets_nothing()
    world.writer.edits(issue, body="It says 500.")
    with pytest.raises(Refused):
        presses(world, world.reader, issue, "approve")
    presses(world, world.owner, issue, "approve")
    assert approvals(world, issue) == ["person:ann"]
    assert "It says 500." in agent.claims(issue).task["instructions"]
    issue.shows(label="fleet/queued")


@pytest.mark.world(needs_approval={"usd": 1.0})
def test_what_waits_for_its_cost_goes_on_when_it_is_approved(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    agent.reports("a lot", usage=[{"model": "m", "kind": "run", "in": 20, "out": 0, "cost_usd": 1.5}])
    agent.drops()
    issue.tells("it has cost $1.50, and more than $1.00 needs a person's approval")
    page = task_page.look(world.fleet, issue.task().id)
    assert "it has cost $1.50" in page.situation
    with pytest.raises(Refused):
        presses(world, world.reader, issue, "approve")
    agent.gets_nothing()
    presses(world, world.writer, issue, "approve")
    assert approvals(world, issue) == ["person:bob"]
    agent.claims(issue)
    issue.shows(label="fleet/queued")


def test_looking_back_and_following_a_log(world: World) -> None:
    done = world.writer.opens_issue("Fix the Größe of the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(done).starts()
    agent.prints("one\ntwo\n")
    task_id = done.task().id
    followed = task_page.log_tail(world.fleet, task_id, 1)
    assert (followed.text, followed.left_out) == ("one\ntwo\n", False)
    assert task_page.log_stream(world.fleet, task_id, 1, followed.last).takes("three") == "three"
    agent.finishes(changing={"login.py": "fixed"})
    world.catches_up()
    world.owner.merges(done)
    waits = world.writer.opens_issue("Make the login faster", labels=["agent:rust"])
    world.settles()
    repo = done.task().repo_id
    for wanted, found in (
        (Wanted(), [waits, done]),
        (Wanted(repo_ids=frozenset({repo}), states=("done", "failed")), [done]),
        (Wanted(repo_ids=frozenset()), []),
        (Wanted(sought=("login", "gro")), [done]),
        (Wanted(person="bob", before=waits.task().id), [done]),
        (Wanted(agent="gpu-1", since=1.0, until=world.clock() + 1), [done]),
        (Wanted(reason="timeout"), []),
    ):
        seen = world.fleet.read(lambda sql, wanted=wanted: history.page(sql, wanted, 10))  # type: ignore[misc]
        assert [x.task_id for x in seen] == [x.task().id for x in found], wanted
    total = look_back(world.fleet.read(lambda sql: history.page(sql, Wanted(), 10)))
    assert [(x.name, x.ended, x.done) for x in total.by_agent] == [("gpu-1", 1, 1)]
    assert (total.merged, set(total.wait)) == (1, {50, 90, 99})
    assert world.fleet.read(lambda sql: history.choices(sql, "person")) == ["bob"]
    assert [x.task_id for x in world.fleet.read(lambda sql: history.ended_last(sql, [repo], 5))] == [done.task().id]
    assert world.fleet.read(lambda sql: history.count(sql, repo, ["queued"], 9)) == 1
    done.tells("ready for review")
    done.tells("was merged")
    waits.tells("No agent that is online offers `rust`")
