"""Signing in with the forge, on the stand-in always and on a real Forgejo when there is one (the summary says so)."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final
from urllib.parse import urlencode

import pytest
import requests

from bot.core.errors import Refused
from bot.forge import Api
from bot.forge.sign_in import SignIn
from tests.contract.target import Target
from tests.world.forge_browser import ForgeBrowser

_BACK: Final = "http://127.0.0.1:9090/login/callback"

Application = dict[str, str]
SignIns = Callable[..., SignIn]


@pytest.fixture(scope="module")
def application(target: Target) -> Application:
    """Made by `chief`, for everybody."""
    made = requests.post(
        f"{target.url}/api/v1/user/applications/oauth2",
        json={"name": "fleet", "redirect_uris": [_BACK], "confidential_client": True},
        headers={"Authorization": f"token {target.token('chief', 'all')}"},
        timeout=30,
    )
    assert made.status_code == 201, made.text
    return {"id": made.json()["client_id"], "secret": made.json()["client_secret"]}


@pytest.fixture
def sign_in(target: Target, application: Application) -> Iterator[SignIns]:
    with closing(Api(target.url, "none")) as api:
        yield lambda secret="", back=_BACK: SignIn(
            api, application["id"], secret or application["secret"], target.url, back
        )


@pytest.fixture
def carl(target: Target) -> Iterator[ForgeBrowser]:
    with closing(ForgeBrowser(target.url, "carl", target.password("carl"))) as browser:
        yield browser


@pytest.fixture
def verifier() -> str:
    return secrets.token_urlsafe(48)


def test_a_code_says_who_it_is_and_serves_once(carl: ForgeBrowser, sign_in: SignIns, verifier: str) -> None:
    forge = sign_in()
    told = carl.authorizes(forge.page("the-state", verifier))
    assert told["state"] == "the-state"
    assert forge.who(told["code"], verifier).login == "carl"
    with pytest.raises(Refused):
        forge.who(told["code"], verifier)


def test_a_code_serves_only_who_began(carl: ForgeBrowser, sign_in: SignIns, verifier: str) -> None:
    forge = sign_in()
    forge.who(carl.authorizes(forge.page("s", verifier))["code"], verifier)  # allowed once: from now on without asking
    told = carl.authorizes(forge.page("s", verifier))
    with pytest.raises(Refused):
        forge.who(told["code"], "x" * 64)
    with pytest.raises(Refused):
        sign_in("gto_wrong").who(told["code"], verifier)


def test_an_unknown_way_back_is_never_taken(carl: ForgeBrowser, sign_in: SignIns, verifier: str) -> None:
    answer = carl.goes_to(sign_in(back="https://evil.example/login/callback").page("s", verifier))
    assert answer.status_code == 400
    assert "evil.example" not in answer.headers.get("Location", "")


def test_whoever_is_not_signed_in_is_asked_to_first(target: Target, sign_in: SignIns, verifier: str) -> None:
    with closing(ForgeBrowser(target.url)) as stranger:
        answer = stranger.goes_to(sign_in().page("s", verifier))
    assert answer.status_code in (302, 303)
    assert "/user/login" in answer.headers["Location"]


def test_no_is_told(target: Target, sign_in: SignIns, verifier: str) -> None:
    with closing(ForgeBrowser(target.url, "dora", target.password("dora"))) as dora:
        told = dora.authorizes(sign_in().page("s", verifier), granted=False)
    assert (told["error"], told["state"]) == ("access_denied", "s")


def test_a_wrong_token_request_is_a_400_with_a_reason(target: Target, application: Application) -> None:
    said = {"grant_type": "authorization_code", "client_id": application["id"], "code": "gta_none"}
    said |= {"client_secret": application["secret"], "redirect_uri": _BACK, "code_verifier": "x" * 64}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(f"{target.url}/login/oauth/access_token", data=urlencode(said), headers=headers, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"] == "unauthorized_client"
