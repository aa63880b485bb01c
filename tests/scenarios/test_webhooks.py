"""Webhooks come once, late, twice, in any order, or not at all; the end is the same."""

import itertools

import pytest

from tests.world import World


def _ends_well(world: World, issue: object) -> None:
    from tests.world.issues import IssueView

    assert isinstance(issue, IssueView)
    agent = world.pull_agent("gpu-1", ["python"])
    agent.claims(issue).finishes({"login.py": "fixed"})
    agent.gets_nothing()
    issue.shows(label="fleet/review", status="success", pull_request=1)
    issue.tells("done in")
    assert len(issue.branches()) == 1


def test_every_delivery_comes_twice(world: World) -> None:
    world.forge.faults.doubles_deliveries(1000)
    _ends_well(world, world.writer.opens_issue("Fix the login", labels=["agent:python"]))


def test_every_delivery_is_replayed_later(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    _ends_well(world, issue)
    for delivery in list(world.forge.deliveries.done):
        world.forge.deliveries.replay(delivery)
    world.settles()
    world.pull_agent("gpu-2", ["python"]).gets_nothing()
    issue.shows(label="fleet/review", pull_request=1)

    world.writer.merges(issue)
    issue.shows(label="fleet/done")
    for delivery in list(world.forge.deliveries.done):
        world.forge.deliveries.replay(delivery)
    world.settles()
    issue.shows(label="fleet/done", pull_request=1)
    issue.tells("was merged")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_deliveries_come_in_any_order(world: World, order: tuple[int, ...]) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.writer.labels(issue, "bug")
    assert len(world.forge.deliveries.waiting) == 3
    world.forge.deliveries.reorder(*order)
    _ends_well(world, issue)


def test_a_lost_webhook_is_made_up_for_by_the_sweep(world: World) -> None:
    seen = world.writer.opens_issue("So that the repository is known", labels=["agent:rust"])
    world.settles()
    seen.shows(label="fleet/queued")
    world.seconds_pass(3)

    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.forge.deliveries.drop()
    agent = world.pull_agent("gpu-1", ["python"])
    agent.gets_nothing()
    world.sweeps()
    agent.claims(issue).finishes({"login.py": "fixed"})
    issue.shows(label="fleet/review")
    issue.tells("done in")

    world.writer.merges(issue)
    world.forge.deliveries.drop()
    world.sweeps()
    issue.shows(label="fleet/done")
    issue.tells("was merged")


def test_labels_cleared_carries_the_old_list_and_is_not_believed(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    world.writer.clears_labels(issue)
    world.settles()
    world.seconds_pass(15)
    issue.shows(label="fleet/cancelled")
    world.pull_agent("gpu-1", ["python"]).gets_nothing()


def test_a_state_label_changed_by_hand_is_put_back(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    issue.shows(label="fleet/queued")
    world.seconds_pass(5)
    world.writer.labels(issue, "fleet/done")
    issue.shows(label="fleet/queued")
    world.seconds_pass(5)
    world.writer.unlabels(issue, "fleet/queued")
    issue.shows(label="fleet/queued")


def test_a_status_comment_that_someone_deletes_is_written_again(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    issue.shows(label="fleet/queued")
    issue.bot_comments()[0].delete(world.owner.person)
    world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    issue.shows(label="fleet/running", says="**Fleet: running** · attempt 1")
