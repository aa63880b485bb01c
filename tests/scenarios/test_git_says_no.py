"""Git does not get what it asks of the forge: the agent is told so in words, a new name is found out."""

from typing import Any

import pytest
import requests

from bot.execution import gitmirror
from bot.execution.git import GitTimedOut
from tests.world import World
from tests.world.agents import PullAgent

OLD_NAME = "/ann/demo.git/*"


def at_work(world: World) -> tuple[Any, PullAgent]:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    return issue, world.pull_agent("gpu-1", ["python"]).claims(issue)


def source(agent: PullAgent) -> requests.Response:
    return agent._call("GET", f"tasks/{agent.task['task_id']}/source", params=agent._who())


@pytest.mark.parametrize("status", [404, 301])
def test_a_repository_that_was_renamed_is_fetched_under_its_new_name(world: World, status: int) -> None:
    issue, agent = at_work(world)
    world.repo.rename("demo2")
    world.forge.faults.fails(path=OLD_NAME, status=status, times=99)
    assert source(agent).status_code == 200
    assert world.fleet.repo(world.repo.id).full_name == "ann/demo2"
    agent.finishes({"login.py": "fixed"})
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("done in")


def test_a_repository_renamed_before_the_push_is_pushed_to_under_its_new_name(world: World) -> None:
    issue, agent = at_work(world)
    assert agent.sends({"login.py": "fixed"}).status_code == 200
    world.repo.rename("demo2")
    world.forge.faults.fails(path=OLD_NAME, status=404, times=99)
    agent.completes("done", "Done.").drops()
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("done in")
    assert world.fleet.repo(world.repo.id).full_name == "ann/demo2"


@pytest.mark.parametrize("status", [403, 404])
def test_a_repository_that_git_may_not_read_is_a_refusal_not_a_breakdown(world: World, status: int) -> None:
    issue, agent = at_work(world)
    world.forge.faults.fails(path=OLD_NAME, status=status, times=99)
    answer = source(agent)
    assert (answer.status_code, answer.json()["kind"]) == (422, "git_refused")
    assert "bot's account may read" in answer.text
    world.forge.faults.comes_back()
    agent.finishes({"login.py": "fixed"})
    issue.tells("done in")


def test_git_that_takes_too_long_is_asked_again_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    issue, agent = at_work(world)

    def slow(*_args: object) -> str:
        raise GitTimedOut("git bundle", 120)

    with monkeypatch.context() as now:
        now.setattr(gitmirror.GitMirror, "source_bundle", slow)
        answer = source(agent)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    agent.finishes({"login.py": "fixed"})
    issue.tells("done in")


def test_a_source_or_result_that_cannot_be_is_not_taken_for_a_lost_task(world: World) -> None:
    """409 tells an agent that the task is no longer its own; these are about the content."""
    issue, agent = at_work(world)
    early = agent._call("POST", f"tasks/{agent.task['task_id']}/result", params=agent._who(), data=b"x",
                        kind="application/x-git-bundle")  # fmt: skip
    assert (early.status_code, early.json()["kind"]) == (422, "no_source")
    for name in world.repo.branches():
        world.repo.git.run("update-ref", "-d", f"refs/heads/{name}")
    answer = source(agent)
    assert (answer.status_code, answer.json()["kind"]) == (422, "no_base")
    agent.fails("no base", "infrastructure")
    issue.status_comment()
