"""The server dies between any two steps and is started again: one of each thing.

One branch, one pull request, one status comment, one receipt, its note, its status and its attachment.
"""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from bot.core import receipts
from tests.world import World
from tests.world.issues import IssueView
from tests.world.power import PowerCut, cuts
from tests.world.world import world as build


def _until_it_works(world: World, deed: Callable[[], object]) -> None:
    """As a person or a program would: when the server is gone, it is started again and asked again."""
    for _ in range(5):
        with contextlib.suppress(PowerCut, requests.ConnectionError):
            deed()
            if not world.power.is_cut:
                return
        world.restarts()
    raise AssertionError("it never works")


def _story(world: World) -> IssueView:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    _until_it_works(world, world.settles)
    _until_it_works(world, world.sweeps)  # at every start, and every two minutes
    if not world.agents:
        _until_it_works(world, lambda: world.agents or world.pull_agent("gpu-1", ["python"]))
    agent = world.agents[0]
    _until_it_works(world, lambda: agent.claims(issue, claim_id="the-claim"))
    _until_it_works(world, lambda: agent.starts("reading"))
    _until_it_works(world, lambda: _sent(agent.sends({"login.py": "fixed"})))
    _until_it_works(world, lambda: agent.completes("done", "Done."))
    agent.drops()
    _until_it_works(world, lambda: world.seconds_pass(30))
    world.writer.merges(issue)
    _until_it_works(world, world.settles)
    _until_it_works(world, world.sweeps)
    _until_it_works(world, lambda: world.seconds_pass(30))
    return issue


def _sent(answer: requests.Response) -> None:
    assert answer.status_code == 200, answer.text


def _ends_as_it_should(world: World, issue: IssueView) -> None:
    issue.shows(label="fleet/done", status="success", pull_request=1)
    issue.tells("@bob done in")
    issue.tells("was merged")
    assert len(issue.branches()) == 1
    assert len(issue.bot_comments()) == 3, [c.body for c in issue.bot_comments()]
    [receipt] = issue.receipts()
    assert receipt["verdict"]["result"] == "verified"
    assert [json.loads(line) for line in issue.note().splitlines()] == [receipt]
    [(state, description)] = issue.receipt_statuses()
    assert (state, description) == ("success", f"{receipts.digest(receipt)[:16]} verified")


def _points(root: Path) -> int:
    with build(root) as world:
        _ends_as_it_should(world, _story(world))
        return world.power.passed


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> int:
    return _points(tmp_path_factory.mktemp("story"))


#: So that the runs can be spread over processors.
SHARES = 16


@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_power_cut_at_any_point_changes_nothing_in_the_end(share: int, points: int, tmp_path: Path) -> None:
    assert points > 80, "the story passes fewer points than it should"
    for at in cuts(points, share, SHARES):
        with build(tmp_path / str(at)) as world:
            world.power.cut_at = at
            _ends_as_it_should(world, _story(world))
