"""Every page and every button for everybody: a route that has no row here fails."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from bot.core.facts import Account, Issue
from bot.dashboard.register import BLUEPRINTS
from bot.service import issues
from bot.store import repo_files
from bot.web.application import ROOMS
from tests.unit.dashboard.conftest import PEOPLE, PRIVATE, House, Visit, a_house

#: ``looker`` is not signed in where the configuration lets anybody look; ``anonymous`` where it does not.
ROLES: Final = ("anonymous", "looker", "stranger", "reader", "writer", "admin", "operator")


class Row(NamedTuple):
    """The answer to each role, in the order of ROLES; ``path`` is about the private repository."""

    path: str
    answers: tuple[int, ...]
    form: dict[str, str] = {}  # noqa: RUF012 - never written to


def everybody(path: str, status: int, **form: str) -> Row:
    return Row(path, (status,) * len(ROLES), form)


def operators(path: str, status: int = 303, **form: str) -> Row:
    """A button that nobody else may press."""
    return Row(path, (401, 401, 403, 403, 403, 403, status), form)


#: By method and endpoint.
ROWS: Final = {
    "GET assets.asset": everybody("/assets/0/nothing", 404),
    "GET assets.favicon": everybody("/favicon.ico", 200),
    "GET now.now": Row("/", (303, *(200,) * 6)),
    "GET now.now_live": Row("/live", (303, *(200,) * 6)),
    "GET task.task": Row("/tasks/{task}", (303, 404, 404, 200, 200, 200, 200)),
    "GET task.task_live": Row("/tasks/{task}/live", (303, 404, 404, 200, 200, 200, 200)),
    "GET task_log.log_file": Row("/tasks/{task}/log.txt", (303, 404, 404, 403, 200, 200, 200)),
    "GET task_log.log_search": Row("/tasks/{task}/log?q=x", (303, 404, 404, 403, 200, 200, 200)),
    "GET task_log.prompt": Row("/tasks/{task}/prompt", (303, 404, 404, 403, 404, 404, 404)),  # no attempt yet
    "POST task.task_press": Row(
        "/tasks/{task}/press/hold", (401, 401, 404, 403, 303, 303, 303), {"version": "1", "words": "later"}
    ),
    "GET badges.badge": everybody("/badge/ann/demo.svg", 200),  # what it says differs: see `test_badges.py`
    "GET badges.feed": Row("/feed.atom?repo=ann/demo", (404, 404, 404, 200, 200, 200, 200)),
    "GET machines.agents_page": Row("/agents", (303, 303, 200, 200, 200, 200, 200)),
    "POST machines.drain_agent": operators("/agents/drain", agent="gpu-1"),
    "POST machines.undrain_agent": operators("/agents/undrain", agent="gpu-1"),
    "GET machines.hosts_page": Row("/hosts", (303, 303, 403, 403, 403, 403, 200)),
    "POST machines.drain_host": operators("/hosts/drain", host="vm-1"),
    "POST machines.undrain_host": operators("/hosts/undrain", host="vm-1"),
    "POST machines.check_host": operators("/hosts/check", host="vm-1"),
    "GET machines.tokens_page": Row("/tokens", (303, 303, 403, 403, 403, 403, 200)),
    "POST machines.make_token": operators("/tokens", 200, role="read"),
    "POST machines.revoke_token": operators("/tokens/revoke", 404, token="afo_unknown"),
    "GET looking_back.page": Row("/history", (303, 200, 200, 200, 200, 200, 200)),
    "GET looking_back.as_csv": Row("/history.csv", (303, 200, 200, 200, 200, 200, 200)),
    "GET looking_back.as_json": Row("/history.json", (303, 200, 200, 200, 200, 200, 200)),
    "GET signing_in.login": everybody("/login", 200),
    "GET signing_in.login_with_forge": everybody("/login/forge", 303),
    "GET signing_in.login_callback": everybody("/login/callback", 403),
    "POST signing_in.login_with_token": everybody("/login/token", 403, token="afo_wrong"),
    "POST signing_in.logout": Row("/logout", (401, 401, 303, 303, 303, 303, 303)),
}


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, House]]:
    """The same house without and with anonymous lookers."""
    roots: list[Path] = [tmp_path_factory.mktemp(name) for name in ("closed", "open")]
    with a_house(roots[0]) as closed, a_house(roots[1], anonymous=True) as opened:
        for house in (closed, opened):
            house.agent("gpu-1")
        yield {False: closed, True: opened}


def comes(houses: dict[bool, House], role: str) -> Visit:
    house = houses[role == "looker"]
    house.clock.forward(61)  # wrong tokens are forgotten
    if role == "operator":
        visit = house.visit()
        visit.signs_in_with(house.token())
        return visit
    return house.signed_in(PEOPLE[role]) if role in PEOPLE else house.visit()


def answer_to(visit: Visit, method: str, row: Row) -> int:
    path = row.path.format(task=a_task(visit.house)) if "{task}" in row.path else row.path
    answer = visit.gets(path) if method == "GET" else visit.posts(path, **row.form)
    status = answer.status_code
    answer.close()
    return status


def a_task(house: House) -> str:
    """A queued task of the private repository, of an issue of its own."""
    repo = house.fleet.repo(house.fleet.forge.repos.named(PRIVATE).id)
    number = int(house.fleet.read(lambda sql: sql.value("SELECT count(*) FROM task"))) + 1
    issue = Issue(repo.id, number, "Fix it", "", Account(7, "bob"), frozenset(), True, 1.0, 1.0, "")
    now = house.clock()
    house.fleet.store.write(lambda sql: repo_files.read(sql, repo.id, "main", "", now))
    return house.fleet.step(
        lambda step: issues.open_task(
            step, repo, issue, Account(7, "bob"), may=True, trigger="label", cause=f"test:{number}",
            requirements=(), label_entry=0, last=None,
        )
    ).id  # fmt: skip


def test_every_route_has_a_row(houses: dict[bool, House]) -> None:
    ours, api = {b.name for b in BLUEPRINTS}, {room.name for room in ROOMS}
    rules = list(houses[False].app.url_map.iter_rules())
    assert {rule.endpoint.partition(".")[0] for rule in rules} <= ours | api, "a blueprint that nobody guards"
    offered = {
        f"{method} {rule.endpoint}"
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.partition(".")[0] in ours
    }
    assert offered == ROWS.keys()


@pytest.mark.parametrize("role", ROLES)
def test_who_may_what(houses: dict[bool, House], role: str) -> None:
    place = ROLES.index(role)
    got = {name: answer_to(comes(houses, role), name.split()[0], row) for name, row in ROWS.items()}
    assert got == {name: row.answers[place] for name, row in ROWS.items()}


def test_no_button_works_from_elsewhere(houses: dict[bool, House]) -> None:
    for name, row in ROWS.items():
        if name.startswith("POST"):
            visit = comes(houses, "operator")
            assert visit.posts(row.path, origin="https://evil.example", **row.form).status_code == 403, name
            assert visit.posts(row.path, "0" * 64, **row.form).status_code == 403, name


def test_pages_need_no_inline_style_or_script(houses: dict[bool, House]) -> None:
    visit = comes(houses, "operator")
    for name, row in ROWS.items():
        answer = visit.gets(row.path)
        if name.startswith("GET") and answer.mimetype == "text/html":
            assert not re.search(r"<script(?![^>]* nonce=)|<style(?![^>]* nonce=)| style=| on[a-z]+=", answer.text), (
                name
            )
