"""The server dies at any step of a run on a host and is started again: one run, one branch, one pull request."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.store import attempts, tasks
from tests.world import World
from tests.world.hosts import here, processes, script
from tests.world.power import PowerCut, cuts
from tests.world.world import world as build

#: So that the runs can be spread over processors.
SHARES = 8


def _until_it_works(world: World, deed: Callable[[], object]) -> None:
    for _ in range(5):
        with contextlib.suppress(PowerCut):
            deed()
            if not world.power.is_cut:
                return
        world.restarts()
    raise AssertionError("it never works")


def _story(world: World, root: Path, cut_at: int = 0) -> int:
    """Cuts the power at point number ``cut_at`` of the run; returns how many points it has."""
    counter = root / "started"
    works = f"echo >>{counter}; echo fixed >login.py; echo '::fleet summary Fixed the login.'"
    world.has_hosts(here(root, "vm-1"), scripted=script(works))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.forge.deliveries.deliver_all()
    before = world.power.passed
    world.power.cut_at = before + cut_at if cut_at else 0
    _until_it_works(world, world.settles)
    points = world.power.passed - before
    _until_it_works(world, lambda: world.seconds_pass(90))  # a minute later the repository's files are asked for again
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")
    assert len(issue.branches()) == 1
    assert len(issue.bot_comments()) == 2, [c.body for c in issue.bot_comments()]
    assert counter.read_text() == "\n", "the agent was started more than once"
    task = world.fleet.read(lambda sql: tasks.newest_of_issue(sql, world.repo.id, issue.number))
    assert task is not None
    assert len(world.fleet.read(lambda sql: attempts.of_task(sql, task.id))) == 1
    assert processes(world.hosts[0].work_dir) == []
    assert not list((Path(world.hosts[0].work_dir) / ".fleet/runs").glob("t_*")), "the run was not cleared away"
    return points


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> int:
    root = tmp_path_factory.mktemp("story")
    with build(root / "world") as world:
        return _story(world, root)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(SHARES))
def test_a_power_cut_at_any_step_of_a_run_changes_nothing_in_the_end(share: int, points: int, tmp_path: Path) -> None:
    assert points > 100, "the story passes fewer points than it should"
    for at in cuts(points, share, SHARES):
        root = tmp_path / str(at)
        root.mkdir()
        with build(root / "world") as world:
            _story(world, root, at)
