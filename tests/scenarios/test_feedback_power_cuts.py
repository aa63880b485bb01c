"""The server dies while a pull request goes back to its agent: one attempt more, one answer, one of everything."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scenarios.test_power_cuts import _sent, _until_it_works
from tests.world import World
from tests.world.issues import IssueView
from tests.world.power import cuts
from tests.world.world import world as build

SHARES = 4


def _story(world: World, ready: Callable[[], None]) -> IssueView:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts().finishes({"login.py": "one\n"})
    world.seconds_pass(30)
    ready()
    issue.pull().review(world.owner.person, "REQUEST_CHANGES", "Rename it.", [("login.py", 1, "this one")])
    _until_it_works(world, world.settles)
    _until_it_works(world, world.sweeps)
    _until_it_works(world, lambda: agent.claims(issue, claim_id="the-second"))
    _until_it_works(world, lambda: _sent(agent.sends({"login.py": "two\n"})))
    _until_it_works(world, lambda: agent.completes("done", "Done."))
    agent.drops()
    _until_it_works(world, lambda: world.seconds_pass(30))
    issue.pull().review(world.owner.person, "APPROVED")
    _until_it_works(world, world.settles)
    _until_it_works(world, world.sweeps)
    _until_it_works(world, lambda: world.seconds_pass(30))
    return issue


def _ends_as_it_should(world: World, issue: IssueView) -> None:
    issue.shows(label="fleet/done", pull_request=1)
    issue.tells("@bob done in")
    issue.tells("was merged")
    assert len(issue.bot_comments()) == 3, [c.body for c in issue.bot_comments()]
    assert [who for _, _, who, _ in issue.threads()] == ["ann", "fleet-bot"]
    assert [r["task"]["attempt"] for r in issue.receipts()] == [1, 2]
    assert issue.pull().merged_by is world.bot


RULES = {"auto_merge": True}


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, int]:
    """How many points are passed before the review, and in all."""
    before: list[int] = []
    with build(tmp_path_factory.mktemp("story"), rework=RULES) as world:
        issue = _story(world, lambda: before.append(world.power.passed))
        _ends_as_it_should(world, issue)
        return before[0], world.power.passed


@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_power_cut_changes_nothing_in_the_end(share: int, points: tuple[int, int], tmp_path: Path) -> None:
    first, last = points
    assert last - first > 60, "the story passes fewer points than it should"
    for at in cuts(last, share, SHARES, after=first, thin=6):
        with build(tmp_path / str(at), rework=RULES) as world:
            wanted = at - first

            def ready(world: World = world, wanted: int = wanted) -> None:
                world.power.cut_at = world.power.passed + wanted

            _ends_as_it_should(world, _story(world, ready))
