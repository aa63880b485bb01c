"""Signed receipts: how one is put together, and how anyone checks some of them without us.

A receipt keeps three things apart: ``claims`` (what the agent said, word for word but for fractions, which become
text), the facts (every other member: observed or read again by the orchestrator) and ``verdict`` (what the rules made
of both). It is signed as DSSE does: over its payload type and the canonical bytes of everything but ``sig``. Receipts
of one repository are numbered, and each names the digest of the one before.
"""

import base64
import binascii
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bot.core import canonical, receipt_rules
from bot.core import receipt_check_text as text

SCHEMA: Final = "fleet.receipt/1"
PAYLOAD_TYPE: Final = "application/vnd.agent-fleet.receipt+json"
ALGORITHM: Final = "ed25519"
#: The predecessor of a repository's first receipt.
GENESIS: Final = "0" * 64
MEMBERS: Final = (
    "schema",
    "receipt_id",
    "number",
    "prev_receipt_sha256",
    "issued_at",
    "task",
    "claims",
    "verdict",
    "sig",
)

Json = dict[str, Any]
#: (public key's bytes, signature, message) → does it fit.
Fits = Callable[[bytes, bytes, bytes], bool]


def digest(receipt: Mapping[str, Any]) -> str:
    """The receipt's SHA-256: canonical bytes of all but ``sig``. Raises NotCanonical."""
    return canonical.digest(_payload(receipt))


def to_sign(receipt: Mapping[str, Any]) -> bytes:
    """The bytes that are signed (DSSE's pre-authentication encoding)."""
    body, kind = canonical.encode(_payload(receipt)), PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def with_signature(receipt: Mapping[str, Any], key_id: str, signature: bytes) -> Json:
    dsse = base64.b64encode(signature).decode()
    return {**receipt, "sig": {"alg": ALGORITHM, "key_id": key_id, "payload_type": PAYLOAD_TYPE, "dsse": dsse}}


def lines(data: bytes) -> list[Json]:
    """The receipts of a file: one JSON text, or one per line (as in a git note). Raises NotCanonical."""
    try:
        found = [canonical.decode(data)]
    except canonical.NotCanonical:
        rows = [row for row in data.splitlines() if row.strip()]
        if len(rows) < 2:
            raise
        found = [canonical.decode(row) for row in rows]
    for one in found:
        if not isinstance(one, dict) or one.get("schema") != SCHEMA or not all(name in one for name in MEMBERS):
            raise canonical.NotCanonical(text.not_a_receipt().removesuffix("."))
    return found


def problem_with(name: str, receipt: Mapping[str, Any], keys: Mapping[str, bytes], fits: Fits) -> str:
    """Why the receipt cannot be believed, "" when it can: its signature, and that its verdict follows from its checks.

    ``keys`` are trusted public keys by key id.
    """
    sig = receipt["sig"] if isinstance(receipt["sig"], Mapping) else {}
    key_id = str(sig.get("key_id") or "")
    if not key_id:
        return text.unsigned(name)
    key = keys.get(key_id)
    if key is None:
        return text.unknown_key(name, key_id[:64])
    try:
        signature = base64.b64decode(str(sig.get("dsse")), validate=True)
        fitting = sig.get("alg") == ALGORITHM and fits(key, signature, to_sign(receipt))
    except (binascii.Error, canonical.NotCanonical):
        fitting = False
    if not fitting:
        return text.bad_signature(name)
    said, follows = result_of(receipt), _follows(receipt)
    return "" if said == follows else text.verdict_contradicts(name, said, follows)


def result_of(receipt: Mapping[str, Any]) -> str:
    verdict = receipt.get("verdict")
    return str(verdict.get("result")) if isinstance(verdict, Mapping) else ""


def checks_of(receipt: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    verdict = receipt.get("verdict")
    found = verdict.get("checks") if isinstance(verdict, Mapping) else None
    return [x for x in found if isinstance(x, Mapping)] if isinstance(found, list) else []


def repo_of(receipt: Mapping[str, Any]) -> str:
    """Under which the chain runs: the id outlasts a rename."""
    task = receipt["task"] if isinstance(receipt["task"], Mapping) else {}
    return f"{task.get('repo')} ({task.get('repo_id')})"


def _follows(receipt: Mapping[str, Any]) -> str:
    found = {str(c.get("rule")): str(c.get("verdict")) for c in checks_of(receipt)}
    pairs = [(rule.id, found.get(rule.id, receipt_rules.Verdict.UNKNOWN)) for rule in receipt_rules.RULES]
    return receipt_rules.result(pairs, over=True).value


@dataclass
class ChainReport:
    """``broken`` are faults; ``notes`` what was, or could not be, seen."""

    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def chains(receipts: Iterable[Mapping[str, Any]], *, complete: bool = False) -> ChainReport:
    """Whether receipts continue each other, per repository; the order given does not matter.

    A gap between two of them is a fault. What lies before the first is not, unless ``complete``.
    """
    report = ChainReport()
    by_repo: dict[object, list[Mapping[str, Any]]] = {}
    for receipt in receipts:
        task = receipt["task"] if isinstance(receipt["task"], Mapping) else {}
        by_repo.setdefault(task.get("repo_id"), []).append(receipt)
    for found in by_repo.values():
        _chain(sorted(found, key=lambda r: _number(r)), report, complete=complete)
    return report


def _number(receipt: Mapping[str, Any]) -> int:
    found = receipt.get("number")
    return found if isinstance(found, int) else 0


def _chain(found: Sequence[Mapping[str, Any]], report: ChainReport, *, complete: bool) -> None:
    first, repo, faults = _number(found[0]), repo_of(found[-1]), len(report.broken)
    if first > 1:
        (report.broken if complete else report.notes).append(
            text.no_beginning(repo, first) if complete else text.begins_at(repo, first)
        )
    elif found[0]["prev_receipt_sha256"] != GENESIS:
        report.broken.append(text.broken_link(repo, first))
    retired: set[str] = set()
    for before, after in itertools.pairwise(found):
        _link(before, after, report, repo)
        old, new = (str(r["sig"].get("key_id")) for r in (before, after))
        if old != new:
            retired.add(old)
        if new in retired:
            report.broken.append(text.old_key_again(repo, _number(after), new))
    if first <= 1 and len(report.broken) == faults:
        report.notes.append(text.chain_whole(repo, _number(found[-1])))


def _link(before: Mapping[str, Any], after: Mapping[str, Any], report: ChainReport, repo: str) -> None:
    here, there = _number(before), _number(after)
    if here == there:
        if digest(before) != digest(after):
            report.broken.append(text.twice(repo, here))
        return
    report.broken.extend(text.missing_predecessor(repo, n) for n in range(here + 1, min(there, here + 21)))
    if there == here + 1 and after["prev_receipt_sha256"] != digest(before):
        report.broken.append(text.broken_link(repo, there))


def _payload(receipt: Mapping[str, Any]) -> Json:
    return {name: value for name, value in receipt.items() if name != "sig"}
