"""Comments as Forgejo sends them: whose rights they carry, and which of them hold a command."""

import json
from typing import Any

import pytest

from bot.core.facts import Right
from bot.webhooks import read
from bot.webhooks.hints import Way, Words
from tests.unit.webhooks.test_reading import RECORDED

#: What each person of the recordings may do in `ann/demo`.
MAY = {
    "ann": Right.ADMIN,
    "bob": Right.WRITE,
    "carl": Right.READ,
    "fleet-bot": Right.ADMIN,
    "forgejo-actions": Right.READ,
}


def recorded(pattern: str) -> list[tuple[str, dict[str, Any]]]:
    found = [json.loads(p.read_text("utf-8")) for p in sorted(RECORDED.glob(pattern))]
    return [(x["headers"]["X-Forgejo-Event-Type"], json.loads(x["body"])) for x in found]


COMMENTS = recorded("*comment-created.json")


@pytest.mark.parametrize(("kind", "payload"), COMMENTS, ids=lambda x: x if isinstance(x, str) else "")
def test_a_comment_carries_the_right_of_its_sender(kind: str, payload: dict[str, Any]) -> None:
    payload["comment"]["body"] = "/fleet ping"
    [said] = read(kind, payload)
    assert isinstance(said, Words)
    assert (said.way, said.right) == (Way.COMMENT, MAY[payload["sender"]["login"]])
    assert said.is_pull is (kind == "pull_request_comment")


def test_a_fresh_comment_was_never_changed() -> None:
    assert len(COMMENTS) > 8
    assert all(x["comment"]["created_at"] == x["comment"]["updated_at"] for _, x in COMMENTS)


def test_only_what_holds_a_command_is_heard() -> None:
    kind, payload = COMMENTS[0]
    payload["comment"]["body"] = "Looks right."
    assert read(kind, payload) == []
    payload["comment"]["body"] = "> /fleet run"
    assert read(kind, payload) == []


def test_an_edit_that_adds_a_command_is_the_editors_and_has_no_rights() -> None:
    for kind, payload in recorded("*comment-edited.json"):
        payload["comment"]["body"], payload["changes"] = "hello\n/fleet run", {"body": {"from": "hello"}}
        [said] = read(kind, payload)
        assert isinstance(said, Words)
        assert (said.way, said.right, said.author.login) == (Way.EDIT, Right.UNKNOWN, payload["sender"]["login"])


def test_a_review_carries_nobodys_right() -> None:
    for kind, payload in recorded("*reviewed.json"):
        payload["review"]["content"] = "/fleet retry"
        [said] = [hint for hint in read(kind, payload) if isinstance(hint, Words)]
        assert (said.way, said.right) == (Way.REVIEW, Right.UNKNOWN)
