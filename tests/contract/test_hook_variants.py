"""Hooks of other kinds: a form, no secret, an Authorization header, the older type."""

import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import pytest

from bot.standin.hooks import signature_is_right
from tests.contract.drive import Drive
from tests.contract.hooked import Scene, mailbox
from tests.contract.recordings import ROOT, SECRET
from tests.contract.shape import differences
from tests.contract.target import Target

JSON: Final = {"content_type": "json", "secret": SECRET}
#: Recorded file, what the hook is made of, and what makes it fire: a comment or a branch of that name.
VARIANTS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "form-issue_comment-created": ({"config": {**JSON, "content_type": "form"}}, ""),
    "no-secret-issue_comment-created": ({"config": {"content_type": "json"}}, ""),
    "authorization-header-issue_comment-created": (
        {"config": JSON, "authorization_header": "Bearer example-value"},
        "",
    ),
    "type-gitea-1-create-branch": ({"config": JSON, "type": "gitea"}, "gitea-branch"),
    "type-forgejo-1-create-branch": ({"config": JSON}, "forgejo-branch"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_hook_of_another_kind_sends_as_recorded(name: str, target: Target, drive: Drive) -> None:
    recorded = json.loads(Path(ROOT, "variants", f"{name}.json").read_text())
    made, branch = VARIANTS[name]
    with mailbox() as box:
        scene = Scene(target, box, "ann/variants")
        hook: dict[str, Any] = {
            "type": "forgejo",
            "events": ["issue_comment", "create"],
            "active": True,
            **made,
        }
        hook["config"] = {**hook["config"], "url": box.url}
        identifier = scene.call("fleet-bot", "POST", "/hooks", hook)["id"]
        if branch:
            body = {"new_branch_name": branch, "old_ref_name": "main"}
            scene.call("fleet-bot", "POST", "/branches", body)
        else:
            number = scene.call("ann", "POST", "/issues", {"title": name})["number"]
            scene.call("ann", "POST", f"/issues/{number}/comments", {"body": "one"})
        (arrival,) = box.take(1, target)
        scene.call("fleet-bot", "DELETE", f"/hooks/{identifier}")
        scene.close()
    assert set(arrival.headers) == set(recorded["headers"])
    assert arrival.headers["Content-Type"] == recorded["headers"]["Content-Type"]
    assert arrival.headers.get("Authorization") == recorded["headers"].get("Authorization")
    old, new = (_json(body, arrival.headers) for body in (recorded["body"], arrival.body.decode()))
    more = target.newer
    assert not differences(json.loads(old), json.loads(new), ignored="labels", more_is_fine=more)
    given = arrival.headers["X-Forgejo-Signature"]
    assert signature_is_right(SECRET, new.encode(), given) if "secret" in hook["config"] else given == ""
    if branch:
        assert json.loads(new)["ref"] == json.loads(old)["ref"]


def _json(body: str, headers: dict[str, str]) -> str:
    """The JSON that a body carries; a form carries it in `payload`, and the signature is over the JSON."""
    return parse_qs(body)["payload"][0] if "form" in headers["Content-Type"] else body
