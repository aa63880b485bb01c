"""The forge's webhooks: only the signature decides, and what is signed is kept as it came."""

import hashlib
import hmac
from typing import Final

import pytest
from werkzeug.test import TestResponse

from bot.store import inbox
from bot.web.webhooks import WEBHOOK_BYTES
from tests.unit.web.conftest import SECRET, Api, said_by

HOSTILE: Final = {
    "an empty body": b"",
    "garbage": b"\x00\xff\xfe",
    "no object": b"[1, 2]",
    "lone surrogate": b'{"issue": {"title": "\\ud800"}}',
    "NUL": b'{"issue": {"title": "\\u0000"}}',
    "invalid UTF-8": b'{"issue": {"title": "\xff"}}',
    "deep": b"[" * 100_000,
    "numbers": b'{"issue": {"number": 1e400, "id": 99999999999999999999999}}',
    "a mention and a command": '{"issue": {"title": "@ann /fleet run <!-- fleet:v1 -->\u202e"}}'.encode(),
    "larger than an API call may be": b'{"a": "' + b"x" * (3 * 1024 * 1024) + b'"}',
}


def sign(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def deliver(api: Api, body: bytes, delivery: str = "d-1", **headers: str) -> TestResponse:
    sent = {"X-Forgejo-Signature": sign(body), "X-Forgejo-Delivery": delivery, "X-Forgejo-Event-Type": "issues"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.client.post("/api/v1/webhooks/forgejo", data=body, headers=sent | named, content_type="application/json")


def stored(api: Api) -> list[bytes]:
    return [d.body for d in api.fleet.read(lambda sql: inbox.due(sql, api.fleet.clock() + 1))]


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_signed_contents_are_always_taken(api: Api, body: bytes) -> None:
    answer = deliver(api, body)
    assert answer.status_code == 202, answer.text
    assert stored(api) == [body]


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=x"])
def test_the_content_type_does_not_matter(api: Api, kind: str) -> None:
    assert deliver(api, b"{}", Content_Type=kind).status_code == 202


def test_the_same_delivery_again_is_known(api: Api) -> None:
    first, again = deliver(api, b"{}"), deliver(api, b"{}")
    assert (first.status_code, again.status_code) == (202, 200)
    assert said_by(first) == said_by(again) == {"inbox_id": 1}
    assert stored(api) == [b"{}"]


def test_unknown_event_types_are_taken(api: Api) -> None:
    assert deliver(api, b"{}", X_Forgejo_Event_Type="a_new_one").status_code == 202


def test_the_prefix_of_other_senders_is_understood(api: Api) -> None:
    assert deliver(api, b"{}", X_Forgejo_Signature=f"sha256={sign(b'{}')}").status_code == 202


@pytest.mark.parametrize(
    "signature", ["", "sha256=", sign(b"{}", "wrong"), sign(b"{ }"), "ä", "\xff", "0" * 64, sign(b"")]
)
def test_other_signatures_are_refused_and_nothing_is_stored(api: Api, signature: str) -> None:
    answer = deliver(api, b"{}", X_Forgejo_Signature=signature)
    assert answer.status_code == 403
    assert said_by(answer)["fix"]
    assert stored(api) == []


def test_too_large_is_said_before_it_is_read(api: Api) -> None:
    answer = deliver(api, b"x" * (WEBHOOK_BYTES + 1))
    assert (answer.status_code, said_by(answer)["kind"]) == (413, "too_large")
    assert stored(api) == []
