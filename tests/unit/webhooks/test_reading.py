"""Reading webhooks: recorded ones, and bodies made to hurt."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.webhooks import decode, read, readers
from bot.webhooks.hints import ChecksHint, IssueHint, PullHint, PushHint
from bot.webhooks.verify import check

RECORDED: Final = Path(__file__).parents[2] / "recordings" / "forgejo-15" / "webhooks"


def issue(**changes: Any) -> dict[str, Any]:
    found = {"number": 12, "state": "open", "labels": [{"name": "agent:rust"}], "pull_request": None} | changes
    return {"action": "label_updated", "repository": {"id": 7, "full_name": "ann/lab"}, "issue": found,
            "sender": {"id": 3}}  # fmt: skip


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.json")), ids=lambda p: p.stem)
def test_a_recorded_webhook_verifies_and_is_read(path: Path) -> None:
    recorded = json.loads(path.read_text("utf-8"))
    found = check(recorded["headers"], recorded["body"].encode(), ["recording-secret"])
    payload = decode.payload(found.body)
    assert payload is not None
    for hint in read(found.event_type, payload):
        assert hint.repo_id == (payload.get("repository") or payload["run"]["repository"])["id"]
        match hint:
            case ChecksHint():
                assert hint.sha == payload["run"]["commit_sha"]
            case IssueHint() | PullHint():
                assert hint.number > 0


def test_the_recordings_are_there() -> None:
    assert len(list(RECORDED.glob("*.json"))) > 80
    assert {"issues", "issue_label", "pull_request", "pull_request_sync", "action_run_failure"} <= set(readers())


def test_an_issue() -> None:
    assert read("issue_label", issue()) == [IssueHint(7, "ann/lab", 12, frozenset({"agent:rust"}), True, 3)]
    assert read("issues", issue(state="closed")) == [IssueHint(7, "ann/lab", 12, frozenset({"agent:rust"}), False, 3)]


def test_the_labels_of_label_cleared_are_those_from_before() -> None:
    [hint] = read("issue_label", issue() | {"action": "label_cleared"})
    assert isinstance(hint, IssueHint)
    assert hint.labels is None


def test_a_pull_request_seen_as_an_issue() -> None:
    assert read("issue_label", issue(pull_request={"merged": False})) == [PullHint(7, "ann/lab", 12, "", True)]


def test_a_push_matters_on_the_default_branch_only() -> None:
    repository = {"id": 7, "full_name": "ann/lab", "default_branch": "main"}
    assert read("push", {"ref": "refs/heads/main", "repository": repository}) == [PushHint(7, "ann/lab")]
    assert read("push", {"ref": "refs/heads/fleet/1-main", "repository": repository}) == []
    assert read("push", {"ref": "refs/tags/main", "repository": repository}) == []


def test_a_pull_request() -> None:
    payload = {"repository": {"id": 7, "full_name": "ann/lab"},
               "pull_request": {"number": 34, "state": "closed", "head": {"ref": "fleet/12-login"}}}  # fmt: skip
    assert read("pull_request", payload) == [PullHint(7, "ann/lab", 34, "fleet/12-login", False)]


def test_a_type_that_nobody_reads() -> None:
    assert read("wiki", issue()) == read("", issue()) == read("__init__", issue()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"\xff\xfe",
        b"{",
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda b: repr(b[:8]),
)
def test_a_body_that_is_no_object_is_none(body: bytes) -> None:
    assert decode.payload(body) is None


def test_texts_are_made_storable_and_depth_is_bounded() -> None:
    deep: Any = "end"
    for _ in range(200):
        deep = {"x": deep}
    body = json.dumps({"issue": {"title": "\ud800\x00 <b>"}, "\ud800": 1, "deep": deep}).encode()
    found = decode.payload(body)
    assert found is not None
    assert found["issue"]["title"] == "\ufffd\ufffd <b>"
    assert found["\ufffd"] == 1
    json.dumps(found, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "strange", [None, [], "x", 1.5, True, {}, {"id": "7"}, {"id": 2**70}, {"id": True}, {"id": -1}]
)
@pytest.mark.parametrize("where", ["repository", "issue", "pull_request", "sender"])
@pytest.mark.parametrize("event_type", sorted(readers()))
def test_fields_that_a_forge_under_load_leaves_out(event_type: str, where: str, strange: object) -> None:
    for hint in read(event_type, issue() | {where: strange}):
        assert abs(hint.repo_id) < 2**63


NAMES = ["id", "number", "issue", "repository", "pull_request", "labels", "name", "head", "state"]
nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=20,
)


@given(st.sampled_from(sorted(readers())), nested)
def test_no_signed_body_makes_reading_fail(event_type: str, body: Any) -> None:
    payload = decode.payload(json.dumps(body).encode())
    if payload is not None:
        read(event_type, payload)
