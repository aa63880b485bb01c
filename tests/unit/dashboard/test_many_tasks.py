"""However many tasks there are behind it, a page is made in as many steps of the database engine as with few.

Steps are counted, not seconds: two more mean that something reads on through a table that grows.
"""

from collections.abc import Callable

import pytest

from bot.dashboard import looking_back
from bot.service import overview
from bot.store import Sql
from tests.unit.dashboard.looking import Looker
from tests.unit.web.conftest import Api
from tests.unit.web.conftest import api as api
from tests.world import databases

#: Beyond what any list shows and any number is counted to, and far beyond that.
FEW, MANY = 3_000, 10_000


_STATE = "CASE i % 2 WHEN 0 THEN 'done' ELSE 'failed' END"
_ID = "printf('old%06d', i)"
#: What an old task's rows hold, made of those of the task that there is.
_ROWS = {
    "task": f"""{_ID}, repo_id, 1000 + i, 1, {_STATE}, version, 0, 0, priority, queued_at, changed_at + i, '', 1,
        'b' || i, 0, replace(replace(data, '"queued"', '"' || {_STATE} || '"'), id, {_ID})""",
    "history": f"""{_ID}, repo_id, 1000 + i, {_STATE}, CASE i % 2 WHEN 0 THEN '' ELSE 'timeout' END, 'p' || i % 9,
        'gpu-' || i % 7, created_at + i, created_at + i + 5, 60.0, created_at + i + 90, 0.5, i""",
    "event": f"NULL, {_ID}, n, kind, at + i, actor, 'old' || i, chain, data",
}
_ATTEMPT = f"""INSERT INTO attempt (task_id, fence, agent, agent_type, host, mode, claim_id, claimed_at, lease_until,
    active, started_at, ended_at, outcome, last_sign_at, progress, checklist, status_seq, log_bytes, base_sha,
    result, usage, answer_sha256, answer)
    SELECT {_ID}, 1, 'gpu-1', 'exec', 'h', 'http_pull', 'c' || i, 1.7e9 + i, 0, 0, 1.7e9 + i, 1.7e9 + i + 60,
    'done', 1.7e9 + i, '', '[]', 0, 0, '', '{{}}', '{{}}', '', '{{}}' FROM counted"""


def old_tasks(api: Api, first: int, last: int) -> None:
    """Done and failed, each with its attempt, its row in the history and an event."""
    numbers = "WITH RECURSIVE counted(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM counted WHERE i < ?)"

    def command(sql: Sql) -> None:
        for table, row in _ROWS.items():
            copied = f"INSERT INTO {table} SELECT {row} FROM (SELECT * FROM {table} LIMIT 1) AS {table}, counted"
            sql.run(f"{numbers} {copied}", first, last)
        sql.run(f"{numbers} {_ATTEMPT}", first, last)

    api.fleet.store.write(command)


def steps(api: Api, look: Callable[[], object]) -> int:
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    api.fleet.read(lambda sql: sql._db.connection().set_progress_handler(tick, 1))
    try:
        look()
    finally:
        api.fleet.read(lambda sql: sql._db.connection().set_progress_handler(None, 0))
    return count


@databases.sqlite_alone
def test_pages_take_no_more_steps(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id = api.task(1)
    looker = Looker(api)
    monkeypatch.setattr(looking_back, "MOST_TASKS", 1000)
    looks: dict[str, Callable[[], object]] = {
        path: (lambda path=path: looker.page(path))  # type: ignore[misc]
        for path in (
            "/",
            f"/tasks/{task_id}",
            "/tasks/old001000",
            "/history?before=old002500",
            "/history?state=failed&agent=gpu-3&before=old002500",
            "/history",  # with its numbers, of the newest only
            "/history.csv?state=done",
            "/feed.atom",
            "/badge/ann/demo.svg",
        )
    }
    looks["the first page of a reader"] = lambda: overview.look(api.fleet, frozenset({1}), operator=False)
    old_tasks(api, 1, FEW)
    for look in looks.values():
        look()  # what is remembered from now on
    few = {name: steps(api, look) for name, look in looks.items()}
    old_tasks(api, FEW + 1, MANY)
    many = {name: steps(api, look) for name, look in looks.items()}
    assert all(few.values())
    assert {name: (few[name], many[name]) for name in looks if many[name] > few[name] * 1.05 + 20} == {}
