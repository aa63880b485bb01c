"""Coming in by the forge or with a token, staying for a while, going; and all the ways in that are shut."""

import contextlib
from pathlib import Path

import pytest

from bot.dashboard.guard import safe_next
from bot.settings import Server
from bot.store import audit, tokens
from bot.web.application import make_app
from tests.unit.dashboard.conftest import URL, House
from tests.world.forge_browser import ForgeBrowser


def test_the_forge_lets_somebody_in(house: House) -> None:
    bob = house.visit("bob")
    arrived = bob.signs_in(onward="/login?next=%2Fhistory")
    assert (arrived.status_code, arrived.headers["Location"]) == (303, "/")  # never back to the sign-in page
    assert bob.is_known_as == "bob"
    assert "operator" not in bob.gets("/login").text
    [cookie] = [c for c in arrived.headers.getlist("Set-Cookie") if c.startswith("agent-fleet-9090=")]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    where = house.fleet.store.where
    rows = house.fleet.read(lambda sql: sql.all("SELECT * FROM web_session"))
    kept = where.read_bytes() if isinstance(where, Path) else repr(rows).encode()
    assert rows
    assert bob.session_cookie().encode() not in kept


def test_an_admin_of_the_configuration_operates(house: House) -> None:
    settings = house.fleet.settings
    named = settings.dashboard.model_copy(update={"admins": ["ANN", "robot"]})
    house.fleet.settings = settings.model_copy(update={"dashboard": named})
    ann = house.signed_in("ann")
    assert "operator" in ann.gets("/login").text
    for login in ("ann", "bob"):
        assert house.visit(login).signs_in().status_code == 303
    account = house.forge.person("ann").id
    assert [(d.person, d.deed, d.subject) for d in house.fleet.read(audit.newest)] == [
        ("ann", "signed in", f"account {account}")
    ]
    house.forge.person("robot")
    assert "operator" not in house.signed_in("robot").gets("/login").text


def test_what_one_browser_began_no_other_can_finish(house: House) -> None:
    told = house.visit("bob").begins_at_the_forge()
    victim = house.visit("carl")
    victim.gets("/login/forge")
    answer = victim.client.get("/login/callback", base_url=URL, query_string=told)
    assert answer.status_code == 403
    assert "not begun in this browser" in answer.text
    assert victim.is_known_as == ""


def test_a_sign_in_is_finished_once_and_in_time(house: House) -> None:
    bob = house.visit("bob")
    told = bob.begins_at_the_forge()
    house.clock.forward(601)
    assert bob.client.get("/login/callback", base_url=URL, query_string=told).status_code == 403
    told = bob.begins_at_the_forge()
    assert bob.client.get("/login/callback", base_url=URL, query_string=told).status_code == 303
    assert bob.client.get("/login/callback", base_url=URL, query_string=told).status_code == 403


def test_a_code_of_the_attackers_does_not_fit(house: House) -> None:
    """PKCE: the state is right, but the code was given for another browser's challenge."""
    stolen = house.visit("bob").begins_at_the_forge()["code"]
    mallory = house.visit("zoe")
    told = mallory.begins_at_the_forge() | {"code": stolen}
    answer = mallory.client.get("/login/callback", base_url=URL, query_string=told)
    assert answer.status_code == 403
    assert "PKCE" in answer.text


def test_programs_stay_outside(house: House) -> None:
    house.forge.person("robot")
    for login in ("fleet-bot", "robot"):
        visit = house.visit(login)
        assert "belongs to the bot or to an agent" in visit.signs_in().text
        assert visit.is_known_as == ""


def test_a_no_at_the_forge_is_said(house: House) -> None:
    bob = house.visit("bob")
    sent = bob.gets("/login/forge")
    with contextlib.closing(bob.at_the_forge()) as browser:
        told = browser.authorizes(sent.headers["Location"], granted=False)
    answer = bob.client.get("/login/callback", base_url=URL, query_string=told)
    assert (answer.status_code, "you did not allow it" in answer.text) == (403, True)


def test_what_stands_in_the_address_is_shown_as_text_only(house: House) -> None:
    bob = house.visit("bob")
    state = bob.begins_at_the_forge()["state"]
    hostile = {"state": state, "error": "x", "error_description": "<script>alert(1)</script>\u202e"}
    answer = bob.client.get("/login/callback", base_url=URL, query_string=hostile)
    assert "<script>alert" not in answer.text
    assert "\u202e" not in answer.text


def test_a_forge_that_is_away_is_said(house: House) -> None:
    bob = house.visit("bob")
    told = bob.begins_at_the_forge()
    house.forge.faults.down = "answering 503"
    answer = bob.client.get("/login/callback", base_url=URL, query_string=told)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert bob.is_known_as == ""


# --- tokens --------------------------------------------------------------------------------------------------


def test_an_admin_token_lets_in_until_it_is_revoked(house: House) -> None:
    ops, secret = house.visit(), house.token()
    assert ops.signs_in_with(secret).status_code == 303
    assert ops.is_known_as == "token:ops"
    assert [(d.person, d.deed) for d in house.fleet.read(audit.newest)] == [("token:ops", "signed in")]
    house.fleet.store.write(lambda sql: tokens.revoke(sql, secret[: tokens.PREFIX_CHARS], house.clock()))
    assert ops.is_known_as == ""


def test_lesser_tokens_do_not(house: House) -> None:
    ops = house.visit()
    assert [ops.signs_in_with(house.token(role)).status_code for role in ("read", "write", "agent")] == [403] * 3
    assert ops.is_known_as == ""


def test_wrong_tokens_are_taken_so_often_and_no_more(house: House) -> None:
    ops = house.visit()
    csrf = ops.csrf()
    assert [ops.posts("/login/token", csrf, token="afo_wrong").status_code for _ in range(11)] == [403] * 10 + [429]
    house.clock.forward(61)
    assert ops.posts("/login/token", csrf, token="afo_wrong").status_code == 403


def test_wrong_tokens_lock_nobody_out_who_comes_from_the_same_address(house: House) -> None:
    """Behind a proxy that is everybody."""
    stranger, ops = house.visit(), house.visit()
    csrf = stranger.csrf()
    assert {stranger.posts("/login/token", csrf, token="afo_wrong").status_code for _ in range(12)} == {403, 429}
    assert ops.signs_in_with(house.token()).status_code == 303


# --- sessions ------------------------------------------------------------------------------------------------


def test_signing_in_gives_a_new_cookie_and_ends_the_old_session(house: House) -> None:
    bob = house.visit("bob")
    bob.client.set_cookie("agent-fleet-9090", "planted-by-somebody", domain="fleet.test")
    bob.signs_in()
    first = bob.session_cookie()
    assert first != "planted-by-somebody"
    bob.signs_in()
    assert bob.session_cookie() != first
    other = house.visit()
    other.client.set_cookie("agent-fleet-9090", first, domain="fleet.test")
    assert other.is_known_as == ""


def test_a_session_ends_unused_and_at_last_in_any_case(house: House) -> None:
    limits = house.fleet.settings.dashboard
    bob = house.signed_in("bob")
    house.clock.forward(limits.idle_secs + 1)
    assert bob.is_known_as == ""
    bob = house.signed_in("bob")
    for _ in range(limits.session_secs // 20_000):
        house.clock.forward(20_000)
        assert bob.is_known_as == "bob"
    house.clock.forward(20_000)
    assert bob.is_known_as == ""


def test_signing_out_here_and_everywhere(house: House) -> None:
    here, there, carl = house.signed_in("bob"), house.signed_in("bob"), house.signed_in("carl")
    assert here.posts("/logout").status_code == 303
    assert (here.is_known_as, there.is_known_as) == ("", "bob")
    third = house.signed_in("bob")
    third.posts("/logout", everywhere="1")
    assert (there.is_known_as, third.is_known_as, carl.is_known_as) == ("", "", "carl")


def test_behind_tls_the_cookie_is_bound_to_the_host(house: House) -> None:
    settings = house.fleet.settings
    house.fleet.settings = settings.model_copy(update={"server": Server(threads=8, public_url="https://fleet.test")})
    answer = make_app(house.fleet).test_client().get("/login", base_url="https://fleet.test")
    [cookie] = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-agent-fleet-sign-in=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


# --- forms ---------------------------------------------------------------------------------------------------


def test_a_form_from_elsewhere_does_nothing(house: House) -> None:
    bob = house.signed_in("bob")
    right = bob.csrf()
    wrong = [
        ("", URL),
        ("0" * 64, URL),
        (right, "https://evil.example"),
        (right, ""),
        (right, "null"),
        (right, "http://["),
    ]
    answers = [bob.posts("/logout", csrf, origin) for csrf, origin in wrong]
    assert [answer.status_code for answer in answers] == [403] * len(wrong)
    assert all("did not come from a page" in answer.text for answer in answers)
    assert bob.is_known_as == "bob"


def test_somebody_elses_form_does_nothing(house: House) -> None:
    bob, carl = house.signed_in("bob"), house.signed_in("carl")
    assert bob.posts("/logout", carl.csrf()).status_code == 403


def test_a_huge_form_is_refused(house: House) -> None:
    assert house.visit().posts("/login/token", token="x" * 300_000).status_code == 413


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "/\t/evil",
        "/ok\r\nX: y",
        "",
        "x",
        "/login",
    ],
)
def test_onward_is_never_elsewhere(wanted: str) -> None:
    assert safe_next(wanted) == "/"


def test_onward_keeps_paths_and_queries() -> None:
    assert safe_next("/history?state=done&q=a%20b") == "/history?state=done&q=a%20b"


def test_without_an_application_only_the_token_is_offered(house: House) -> None:
    settings = house.fleet.settings
    bare = settings.dashboard.model_copy(update={"client_id": ""})
    house.fleet.settings = settings.model_copy(update={"dashboard": bare})
    page = house.visit().gets("/login").text
    assert "Admin token" in page
    assert "/login/forge" not in page
    assert "no OAuth2 application is configured" in house.visit().gets("/login/forge").text


def test_a_stranger_at_the_forge_signs_in_there_first(house: House) -> None:
    sent = house.visit().gets("/login/forge").headers["Location"]
    with contextlib.closing(ForgeBrowser(house.forge.url)) as stranger:
        assert stranger.goes_to(sent).headers["Location"].startswith("/user/login?redirect_to=")
