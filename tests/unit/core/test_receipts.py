"""Signed receipts as somebody else checks them: signature, verdict, chain."""

import base64
import copy
from typing import Any, Final

import pytest

from bot import signing
from bot.core import canonical, receipts
from bot.core.receipt_rules import RULES
from bot.signing import SigningKey

Json = dict[str, Any]
PASSED: Final = [{"rule": r.id, "name": r.name, "verdict": "pass", "ok": True, "observed": ""} for r in RULES]


@pytest.fixture
def key(tmp_path: Any) -> SigningKey:
    return signing.make(tmp_path / "one.pem")


@pytest.fixture
def newer(tmp_path: Any) -> SigningKey:
    return signing.make(tmp_path / "two.pem")


def signed(key: SigningKey, number: int = 1, prev: str = receipts.GENESIS, repo_id: int = 1, **changes: Any) -> Json:
    receipt: Json = {
        "schema": "fleet.receipt/1",
        "receipt_id": f"rcp_{number}",
        "number": number,
        "prev_receipt_sha256": prev,
        "issued_at": "2026-11-22T00:00:00Z",
        "task": {"repo": "ann/demo", "repo_id": repo_id, "issue": 12},
        "claims": {"summary": "I did."},
        "verdict": {"result": "verified", "checks": PASSED},
    }
    receipt |= changes
    return receipts.with_signature(receipt, key.key_id, key.sign(receipts.to_sign(receipt)))


def chain(*keys: SigningKey) -> list[Json]:
    made: list[Json] = []
    for number, key in enumerate(keys, 1):
        made.append(signed(key, number, receipts.digest(made[-1]) if made else receipts.GENESIS))
    return made


def problem(receipt: Json, *keys: SigningKey) -> str:
    return receipts.problem_with("it", receipt, {k.key_id: k.public for k in keys}, signing.fits)


def test_a_receipt_is_believed_with_its_key_only(key: SigningKey, newer: SigningKey) -> None:
    receipt = signed(key)
    assert problem(receipt, key) == ""
    assert problem(receipt, newer, key) == ""
    assert key.key_id in problem(receipt, newer)


def test_spaces_and_order_do_not_matter(key: SigningKey) -> None:
    import json

    receipt = signed(key)
    shuffled = dict(reversed(receipt.items()))
    [read] = receipts.lines(json.dumps(shuffled, indent=4).encode())
    assert problem(read, key) == ""


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for name, one in inner for found in [(*path, name), *_paths(one, (*path, name))]]


def test_any_member_changed_added_or_taken_away_is_found(key: SigningKey) -> None:
    receipt = signed(key)
    for *path, last in _paths({n: v for n, v in receipt.items() if n != "sig"}):
        changed, left_out = copy.deepcopy(receipt), copy.deepcopy(receipt)
        for one in (changed, left_out):
            inner: Any = one
            for name in path:
                inner = inner[name]
            if one is changed:
                inner[last] = "another"
            else:
                del inner[last]
        assert problem(changed, key) != "", (path, last)
        assert problem(left_out, key) != "", (path, last)
    assert "changed" in problem(receipt | {"more": 1}, key)


@pytest.mark.parametrize("sig", [{}, None, [], {"alg": "none"}, {"dsse": "%%%"}, {"dsse": base64.b64encode(b"x" * 64)}])
def test_a_damaged_signature_fits_nothing(key: SigningKey, sig: Any) -> None:
    receipt = signed(key)
    receipt["sig"] = receipt["sig"] | sig if isinstance(sig, dict) and sig else sig
    said = problem(receipt, key)
    assert said != ""
    assert "None" not in said


def test_a_verdict_that_does_not_follow_from_its_checks_is_found(key: SigningKey) -> None:
    """Also when whoever holds the key says so."""
    for checks in (PASSED[1:], [*PASSED[1:], PASSED[0] | {"verdict": "fail"}]):
        assert "its own checks give unverified" in problem(
            signed(key, verdict={"result": "verified", "checks": checks}), key
        )


def test_a_whole_chain_holds_in_any_order(key: SigningKey) -> None:
    report = receipts.chains(reversed(chain(key, key, key)), complete=True)
    assert (report.broken, report.notes) == ([], ["ann/demo (1): the chain is whole from receipt 1 to 3."])


def test_a_missing_predecessor_is_found(key: SigningKey) -> None:
    one, _, three, four = chain(key, key, key, key)
    assert receipts.chains([one, three, four]).broken == ["Receipt 2 of ann/demo (1) is missing between the others."]
    assert receipts.chains([three, four]).broken == []
    assert "not checked" in receipts.chains([three, four]).notes[0]
    assert "asks for the chain from receipt 1" in receipts.chains([three, four], complete=True).broken[0]


def test_an_exchanged_receipt_breaks_the_chain(key: SigningKey) -> None:
    one, two, three = chain(key, key, key)
    forged = signed(key, 2, receipts.digest(one), claims={"summary": "Something else."})
    assert problem(forged, key) == ""  # whoever holds the key can sign anything …
    assert receipts.chains([one, forged, three]).broken == [  # … but not under what came after
        "Receipt 3 of ann/demo (1) does not continue the one before it: one of them was exchanged."
    ]
    assert "two different receipts 2" in receipts.chains([one, two, forged]).broken[0]
    assert "does not continue" in receipts.chains([signed(key, 1, "f" * 64)]).broken[0]


def test_two_repositories_have_a_chain_each(key: SigningKey) -> None:
    assert receipts.chains([signed(key), signed(key, repo_id=2)], complete=True).broken == []


def test_a_renamed_repository_goes_on_with_its_chain(key: SigningKey) -> None:
    one = signed(key)
    renamed = {"repo": "maria/demo-two", "repo_id": 1, "issue": 12}
    report = receipts.chains([one, signed(key, 2, receipts.digest(one), task=renamed)], complete=True)
    assert (report.broken, report.notes) == ([], ["maria/demo-two (1): the chain is whole from receipt 1 to 2."])


def test_a_new_key_goes_on_and_the_old_one_never_comes_back(key: SigningKey, newer: SigningKey) -> None:
    rotated = chain(key, newer, newer)
    assert receipts.chains(rotated, complete=True).broken == []
    assert {problem(r, key, newer) for r in rotated} == {""}
    assert "after that one had been replaced" in receipts.chains(chain(key, newer, key)).broken[0]


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"schema":"fleet.receipt/1"}', b"{}\n{}", b"1.5", b"\xff"])
def test_what_is_no_receipt_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(canonical.NotCanonical):
        receipts.lines(data)
