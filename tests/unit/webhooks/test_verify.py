"""Only what our forge signed is believed."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Refused
from bot.webhooks.verify import check

BODY = b'{"action": "opened"}'


def signed(secret: str, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(signature: str, name: str = "X-Forgejo-Signature") -> dict[str, str]:
    return {"X-Forgejo-Delivery": "d-1", "X-Forgejo-Event-Type": "issues", "X-Forgejo-Event": "issues", name: signature}


@pytest.mark.parametrize("prefix", ["", "sha256="])
@pytest.mark.parametrize("name", ["X-Forgejo-Signature", "x-gitea-signature", "X-Hub-Signature-256"])
def test_a_good_signature(prefix: str, name: str) -> None:
    found = check(headers(prefix + signed("s3cret"), name), BODY, ["s3cret"])
    assert (found.delivery, found.event_type, found.body) == ("d-1", "issues", BODY)


def test_both_secrets_count_during_a_rotation() -> None:
    for secret in ("new", "old"):
        check(headers(signed(secret)), BODY, ["new", "old"])
    with pytest.raises(Refused):
        check(headers(signed("older")), BODY, ["new", "old"])


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "0" * 64,
        signed("s3cret")[:-1],
        signed("s3cret").upper(),
        signed("other"),
        "é" * 64,
        "\udce9\ud800",
    ],
)
def test_a_bad_signature(signature: str) -> None:
    with pytest.raises(Refused) as refused:
        check(headers(signature), BODY, ["s3cret", ""])
    assert (refused.value.status, refused.value.kind) == (403, "bad_signature")


def test_no_header_at_all() -> None:
    with pytest.raises(Refused):
        check({}, BODY, ["s3cret"])


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_without_a_secret_nothing_is_believed(secrets: list[str]) -> None:
    """Forgejo without a secret sends an empty signature; HMAC with an empty key is no proof either."""
    for signature in ("", signed("")):
        with pytest.raises(Refused) as refused:
            check(headers(signature), BODY, secrets)
        assert refused.value.kind == "no_webhook_secret"


def test_a_changed_byte_breaks_it() -> None:
    with pytest.raises(Refused):
        check(headers(signed("s3cret")), BODY + b" ", ["s3cret"])


@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_whatever_the_bytes(body: bytes, secret: str) -> None:
    assert check(headers(signed(secret, body)), body, [secret]).body == body


def test_the_precise_type_counts_before_the_coarse_one() -> None:
    given_ = headers(signed("s")) | {"X-Forgejo-Event-Type": "issue_label"}
    assert check(given_, BODY, ["s"]).event_type == "issue_label"


def test_without_a_delivery_id_the_body_stands_for_it() -> None:
    bare = {"X-Forgejo-Signature": signed("s")}
    assert check(bare, BODY, ["s"]).delivery == hashlib.sha256(BODY).hexdigest()
    assert len(check(headers(signed("s")) | {"X-Forgejo-Delivery": "x" * 999}, BODY, ["s"]).delivery) == 200
