"""A command of ours may be run a second time, when another one of its batch failed: that changes nothing."""

import contextlib

import pytest

from bot.store import Sql, writer
from tests.world import World


class InVain(Exception):
    pass


@pytest.fixture
def _each_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = writer.Writer._kept

    def after_one_in_vain(self: writer.Writer, batch: list[writer._Item]) -> set[str]:
        def in_vain(sql: Sql) -> None:
            self._all(batch, sql)
            raise InVain

        with contextlib.suppress(InVain):
            self._transactions.run(in_vain)
        return kept(self, batch)

    monkeypatch.setattr(writer.Writer, "_kept", after_one_in_vain)


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
