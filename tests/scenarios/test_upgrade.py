"""A database from before tasks remembered their feedback is told anew by the migration."""

import importlib.util
import json
from typing import Any

from bot.core import task
from bot.store import tasks, verify
from bot.store.database import MIGRATIONS
from bot.store.dialect import Sql
from bot.store.engines import for_migrating
from tests.world import World


def _migration() -> Any:
    spec = importlib.util.spec_from_file_location("feedback", MIGRATIONS / "0007_feedback.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tasks_of_an_earlier_version_are_told_anew(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"login.py": "fixed"})
    issue.tells("done in")

    def as_before(sql: Sql) -> None:
        known = tasks.newest_of_issue(sql, world.repo.id, issue.number)
        assert known is not None
        data = json.loads(task.encode(known))
        del data["feedback"]
        sql.run("UPDATE task SET data = ? WHERE id = ?", json.dumps(data), known.id)

    world.store.write(as_before)
    assert world.fleet.read(lambda sql: list(verify.differences(sql)))
    with for_migrating(world.store.where) as database, database.atomic():
        _migration()._tell_anew(database)
    assert not world.fleet.read(lambda sql: list(verify.differences(sql)))
    world.owner.asks_for_changes(issue, "Rename it.")
    issue.shows(label="fleet/queued")
