"""The first page: what it says, to whom, and what it costs."""

import contextlib
import dataclasses
import gzip
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bot.core import task
from bot.core.facts import Account, Issue
from bot.core.states import State
from bot.dashboard.streams import seats
from bot.service import overview
from bot.store import Sql, forge_facts, hosts, pauses, tasks
from bot.store.pauses import PauseRow
from tests.unit.dashboard.looking import Looker, events, words
from tests.unit.web.conftest import KNOWN, Api
from tests.unit.web.conftest import api as api
from tests.unit.web.conftest import forge as forge
from tests.unit.web.conftest import forged as forged
from tests.world import databases

#: Tables that have a row per thing an operator set up, not per task.
_SMALL = {
    "agent",
    "host",
    "repo",
    "pause",
    "policy",
    "beat",
    "counter",
    "outbox",
    "class",
    "token",
    "class_waiting",
    "counter_step",
}


def titled(api: Api, number: int, title: str, *requirements: str) -> str:
    task_id = api.task(number, *requirements)
    issue = Issue(1, number, title, "", Account(7, "bob"), frozenset(), True, 2.0, 2.0, "")
    api.fleet.store.write(lambda sql: forge_facts.remember_issue(sql, issue))
    return task_id


def test_it_shows_what_runs_and_why_the_rest_waits(api: Api) -> None:
    token = api.agent("gpu-1", "python")
    titled(api, 1, "Fix the login", "python")
    api.claimed("gpu-1", token)
    titled(api, 2, "Make it faster", "python")
    titled(api, 3, "Needs a GPU", "gpu")
    said = Looker(api).reads("/")
    assert "Running 1 Fix the login ann/demo#1" in said
    assert "gpu-1 works on it" in said
    assert "gpu-1: it is busy (1 of 1). What would help: waiting, until one of them is free." in said
    assert "gpu-1: it does not offer gpu. What would help: take the label agent:gpu off" in said
    assert "2 Needs a GPU ann/demo#3 gpu when an agent for it comes" in said
    assert "gpu-1 exec – online 1 of 1" in said


def test_the_wait_is_told_from_what_runs_took(api: Api) -> None:
    token = api.agent("gpu-1", max_concurrency=1)
    for number in (1, 2, 3):
        api.task(number)
    task_id, fence = api.claimed("gpu-1", token)
    now = api.fleet.clock()
    api.fleet.store.write(
        lambda sql: sql.run("UPDATE attempt SET active = 0, ended_at = ?, claimed_at = ?", now, now - 600)
    )
    assert "ann/demo#2 any now" in Looker(api).reads("/")
    api.fleet.store.write(lambda sql: sql.run("UPDATE attempt SET active = 1 WHERE task_id = ?", task_id))
    said = Looker(api).reads("/")
    assert "in about 5 min" in said
    assert "in about 15 min" in said
    assert fence == 1


def test_alarms_come_first(api: Api) -> None:
    api.fleet.remember(KNOWN)
    at = api.fleet.clock()
    row = PauseRow(0, "", "command", "ann", "the disk is full", "", at, 0.0, "")
    api.fleet.store.write(lambda sql: pauses.put(sql, row))
    api.fleet.store.write(lambda sql: hosts.put(sql, "vm-1", hosts.UNREACHABLE, "no route", at))
    said = Looker(api).reads("/")
    assert "ann paused the fleet" in said
    assert "the disk is full" in said
    assert "The worker does not come round" in said
    assert "no route" in said


def test_whoever_is_not_signed_in_is_led_to_the_door(api: Api) -> None:
    answer = api.client.get("/", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=%2F")
    assert api.client.get("/live", headers={"Accept": "text/event-stream"}).status_code == 401


def test_people_see_their_repositories_only(forged: Api, forge: Any) -> None:
    bob, zoe = forge.person("bob"), forge.person("zoe")
    repo = forge.repository("ann/secret", files={"README.md": "-\n"}, private=True)
    repo.grant(forge.person("fleet-bot"), "admin")
    forge.find("ann/demo").grant(bob, "read")
    for name in ("ann/demo", "ann/secret"):
        forged.fleet.remember(forged.fleet.forge.repos.named(name), watch=True)
    secret = forged.fleet.forge.repos.named("ann/secret").id
    titled(forged, 1, "In the open")
    at = forged.fleet.clock()
    row = PauseRow(secret, "", "command", "ann", "a secret reason", "", at, 0.0, "")
    forged.fleet.store.write(lambda sql: pauses.put(sql, row))
    assert "In the open" in Looker(forged, "bob", bob.id).reads("/")
    assert "a secret reason" not in Looker(forged, "bob", bob.id).reads("/")
    assert "a secret reason" in Looker(forged).reads("/")
    assert zoe.id


def test_hostile_titles_are_shown_as_what_they_are(api: Api) -> None:
    titled(api, 1, "<img src=x onerror=alert(1)>\u202e\x1b[31m\u200btxt.exe " + "x" * 5000)
    page = Looker(api).page("/")
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;⟨U+202E⟩⟨U+200B⟩txt.exe" in page
    assert "x" * 200 not in page


def test_every_answer_is_fenced_in(api: Api) -> None:
    looker = Looker(api)
    first, second = looker.get("/"), looker.get("/login")
    for answer in (first, second):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "form-action 'self';" in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        [nonce] = set(re.findall(r"'nonce-([^']+)'", policy))
        assert set(re.findall(r'nonce="([^"]+)"', answer.text)) == {nonce}
    assert first.headers["Content-Security-Policy"] != second.headers["Content-Security-Policy"]


def crowd(api: Api) -> None:
    """As much as the page shows of anything, with titles as long as it shows them."""
    for number in range(1, 60):
        titled(api, number, f"{number} " + "W" * 300, "python", "a-rather-long-capability", "another-long-capability")
    for number in range(30):
        api.agent(f"a-rather-long-name-for-an-agent-{number}", "python", host_id=f"a-rather-long-host-{number}")
    at = api.fleet.clock()
    states = ["requested", "held", "running", "waiting", "review", "failed", "done", "cancelled"]

    def command(sql: Sql) -> None:
        for number in range(30):
            hosts.put(sql, f"a-rather-long-host-{number}", hosts.QUARANTINED, "it failed three times in a row " * 3, at)
        for one, state in zip(tasks.page(sql, limit=40), states * 5, strict=True):
            data = dataclasses.replace(one, state=State(state), fence=1, agent="a-rather-long-name")
            sql.run("UPDATE task SET state = ?, claimable = 0, data = ? WHERE id = ?", state, task.encode(data), one.id)

    api.fleet.store.write(command)


def test_the_first_page_with_all_that_it_needs_weighs_little(api: Api) -> None:
    crowd(api)
    looker = Looker(api)
    page, packed = looker.page("/"), looker.get("/", **{"Accept-Encoding": "gzip"}).data
    assert gzip.decompress(packed).count(b"WWWW") > 40
    weight = len(packed)
    for path in re.findall(r'(?:href|src)="(/assets/[^"]+)"', page):
        answer = looker.get(path, **{"Accept-Encoding": "gzip"})
        assert answer.status_code == 200
        weight += len(answer.data)
    assert weight <= 50_000, weight


@contextlib.contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, tuple[object, ...]]]]:
    asked: list[tuple[str, tuple[object, ...]]] = []
    ask = Sql.all

    def noting(self: Sql, statement: str, *values: object) -> Any:
        asked.append((statement, values))
        return ask(self, statement, *values)

    with monkeypatch.context() as patch:
        patch.setattr(Sql, "all", noting)
        yield asked


def explained(api: Api, statement: str, values: tuple[object, ...]) -> list[Any]:
    return api.fleet.read(lambda sql: sql.all(f"EXPLAIN QUERY PLAN {statement}", *values))


@databases.sqlite_alone
@pytest.mark.parametrize("repos", [None, frozenset({1})])
def test_it_never_reads_through_a_table_that_grows(
    api: Api, monkeypatch: pytest.MonkeyPatch, repos: frozenset[int] | None
) -> None:
    token = api.agent("gpu-1")
    for number in (1, 2, 3):
        titled(api, number, "x")
    api.claimed("gpu-1", token)
    with recorded(monkeypatch) as asked:
        overview.look(api.fleet, repos, operator=True)
    assert asked
    plans = {(x, step[3]) for x, values in asked for step in explained(api, x, values)}
    scans = [(s, p) for s, p in plans if re.match(r"SCAN (\w+)$", p)]
    bad = [(s, p) for s, p in scans if p.split()[1] not in {*_SMALL, "counted", "kept", "ahead", "(subquery-1)"}]
    assert not bad, bad
    sorts = [(s, p) for s, p in plans if "TEMP B-TREE" in p and "FROM task" in s]
    assert not sorts, sorts


@databases.sqlite_alone
def test_a_look_costs_the_same_whatever_is_behind_it(api: Api) -> None:
    """Ten thousand finished tasks more: as many rows are read as before, which SQLite's own virtual steps tell."""
    titled(api, 1, "x")
    [row] = api.fleet.read(lambda sql: sql.all("SELECT * FROM task"))
    before = steps(api)

    def command(sql: Sql) -> None:
        sql.run(
            """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
               INSERT INTO task SELECT 'old' || i, repo_id, 1000 + i, 1,
               CASE i % 2 WHEN 0 THEN 'done' ELSE 'failed' END,
               version, 0, 0, priority, queued_at, changed_at + i, '', 0, 'b' || i, 0,
               replace(replace(data, '"queued"', CASE i % 2 WHEN 0 THEN '"done"' ELSE '"failed"' END), id, 'old' || i)
               FROM task, n WHERE id = ?""",
            row[0],
        )

    api.fleet.store.write(command)
    assert steps(api) < before * 3 + 2000
    assert "old10000" in Looker(api).page("/")


def steps(api: Api) -> int:
    """How many instructions SQLite's machine runs for one look, in hundreds of its progress calls."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 100
        return 0

    def look(sql: Sql) -> None:
        connection = sql._db.connection()
        connection.set_progress_handler(tick, 100)

    api.fleet.read(look)
    overview.look(api.fleet, None, operator=True)
    api.fleet.read(lambda sql: sql._db.connection().set_progress_handler(None, 0))
    return count


def test_what_changes_is_told_to_open_pages_and_nothing_else(api: Api) -> None:
    titled(api, 1, "Fix the login")
    looker = Looker(api)
    edition = re.search(r'data-last="([^"]+)"', looker.page("/"))
    assert edition is not None
    stream = looker.get("/live", **{"Last-Event-ID": edition[1]})
    told = iter(stream.response)
    assert next(told) == b"retry: 500\n\n"
    titled(api, 2, "Make it faster")
    news = events(stream, 2)
    assert [x["event"] for x in news] == ["part", "part"]
    said = words(" ".join(x["data"] for x in news))
    assert "Make it faster" in said
    assert "Agents" not in said  # they are as they were
    again = looker.get("/live", **{"Last-Event-ID": news[-1]["id"]})
    titled(api, 3, "Another one")
    assert "Another one" in events(again, 1)[0]["data"]
    for one in (stream, again):
        one.close()


def test_whoever_finds_no_seat_comes_again(api: Api) -> None:
    looker = Looker(api)
    taken = [looker.get("/live") for _ in range(seats(api.fleet.settings.server.threads))]
    for one in taken:
        next(iter(one.response))
    late = looker.get("/live")
    assert [x["event"] for x in events(late, 5)] == ["part"] * 4  # it has ended after one look
    for one in (*taken, late):
        one.close()
    seated = looker.get("/live")
    assert next(iter(seated.response)) == b"retry: 500\n\n"
    seated.close()
