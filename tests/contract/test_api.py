"""Every recorded API call, made again: same status, same headers of note, same shape of answer."""

import pytest

from bot.standin.api import ROUTES
from tests.contract.covered import HELD_ELSEWHERE, NOT_COMPARED, UNRECORDED, compared, name_of, route_of
from tests.contract.drive import Drive
from tests.contract.recordings import Exchange, exchanges
from tests.contract.shape import differences


@pytest.mark.parametrize("recorded", compared(), ids=lambda exchange: exchange.name)
def test_answers_as_recorded(recorded: Exchange, drive: Drive) -> None:
    if recorded.name in drive.impossible:
        assert drive.target.name != "stand-in", "the stand-in can do all of them"
        pytest.skip(f"{drive.target.name}: {drive.impossible[recorded.name]}")
    seen = drive.seen[recorded.name]
    assert seen.status == recorded.status, seen.body[:500]
    assert seen.headers.get("content-type") == recorded.headers.get("content-type")
    assert (seen.body == b"") == (recorded.size == 0), seen.body[:500]
    for header in ("x-total-count", "link", "location"):
        assert (header in seen.headers) == (header in recorded.headers), header
    if "application/json" in seen.headers.get("content-type", ""):
        assert not differences(recorded.response, seen.json, more_is_fine=drive.target.newer)


def test_every_route_is_recorded_or_says_where_it_was_read() -> None:
    held = [*compared(), *(one for one in exchanges() if one.name in HELD_ELSEWHERE)]
    covered = {name_of(route) for one in held if (route := route_of(one)) is not None}
    offered = {name_of(route) for route in ROUTES}
    assert offered - covered == UNRECORDED.keys()


def test_nothing_is_excused_that_is_not_recorded() -> None:
    assert NOT_COMPARED.keys() <= {exchange.name for exchange in exchanges() if route_of(exchange)}
