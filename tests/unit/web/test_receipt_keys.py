"""Public keys for readers without a token; the private one stays where it is."""

import base64

from bot import signing
from bot.service import receipt_key
from tests.unit.web.conftest import Api, said_by


def test_the_key_is_made_at_first_and_then_the_same(api: Api) -> None:
    first, again = (said_by(api.client.get("/.well-known/agent-fleet-receipt-keys")) for _ in range(2))
    assert first == again
    [key] = first["keys"]
    raw = base64.b64decode(key["public_key"])
    assert (signing.key_id(raw), signing.parse_public(key["pem"])) == (key["key_id"], raw)
    assert key["retired_at"] is None
    assert receipt_key.path(api.fleet.data_dir).stat().st_mode & 0o777 == 0o600
    assert receipt_key.signer(api.fleet).key_id == key["key_id"]


def test_a_replaced_key_stays_listed(api: Api) -> None:
    [old] = said_by(api.client.get("/.well-known/agent-fleet-receipt-keys"))["keys"]
    receipt_key.rotate(api.fleet.store, api.fleet.data_dir, api.fleet.clock())
    new, was = said_by(api.client.get("/.well-known/agent-fleet-receipt-keys"))["keys"]
    assert was["key_id"] == old["key_id"]
    assert (bool(was["retired_at"]), new["retired_at"]) == (True, None)
