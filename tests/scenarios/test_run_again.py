"""A command of ours may be run a second time, when another one of its batch failed: that changes nothing."""

import pytest

from bot.store import Sql, writer
from tests.world import World


@pytest.fixture
def _each_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    run = writer.Writer._all

    def all_but_in_vain(self: writer.Writer, batch: list[writer._Item], sql: Sql) -> None:
        run(self, batch, sql)
        raise writer._Spoilt

    monkeypatch.setattr(writer.Writer, "_all", all_but_in_vain)


@pytest.mark.usefixtures("_each_twice")
def test_a_story_of_which_everything_is_run_twice(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", capabilities=["python"])
    agent.claims(issue).starts("reading the issue").finishes({"login.py": "fixed\n"})
    issue.tells("@bob done in")
    world.owner.asks_for_changes(issue, "Rename it.")
    issue.shows(label="fleet/queued")
    agent.claims(issue).finishes({"login.py": "renamed\n"})
    world.writer.merges(issue)
    issue.shows(label="fleet/done", pull_request=1)
    issue.tells("was merged.")
