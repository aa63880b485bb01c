"""Every page and every button for everybody: a route that has no row here fails."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from bot.dashboard.register import BLUEPRINTS
from bot.web.application import ROOMS
from tests.unit.dashboard.conftest import PEOPLE, House, Visit, a_house

#: ``looker`` is not signed in where the configuration lets anybody look; ``anonymous`` where it does not.
ROLES: Final = ("anonymous", "looker", "stranger", "reader", "writer", "admin", "operator")


class Row(NamedTuple):
    """The answer to each role, in the order of ROLES; ``path`` is about the private repository."""

    path: str
    answers: tuple[int, ...]
    form: dict[str, str] = {}  # noqa: RUF012 - never written to


def everybody(path: str, status: int, **form: str) -> Row:
    return Row(path, (status,) * len(ROLES), form)


#: By method and endpoint.
ROWS: Final = {
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
    answer = visit.gets(row.path) if method == "GET" else visit.posts(row.path, **row.form)
    return answer.status_code


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
