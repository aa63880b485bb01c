"""The recorded steps again: the same webhooks, headers, shapes, signatures, and whose right they show."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from bot.standin import Standin
from bot.standin.hooks import signature_is_right
from tests.contract import git_steps, issue_steps, pull_steps
from tests.contract.drive import Drive
from tests.contract.hooked import Arrival, Scene, mailbox
from tests.contract.recordings import ROOT, SECRET, Step, Webhook, kind, steps
from tests.contract.shape import differences
from tests.contract.steps import STEPS
from tests.contract.target import CannotDo, Target

#: Recorded steps that are not done over, by what they are about.
NOT_DONE_OVER: Final = {
    "milestone": "the stand-in has no milestones",
    "web menu": "the web's label menu is not driven",
    "fork": "the stand-in has no forks",
    "release": "the stand-in has no releases",
    "wiki": "the stand-in has no wiki",
    "issue deleted": "issues cannot be deleted",
    "dismissed": "reviews cannot be dismissed by hand",
    "through the web": "made in the web only",
    "single inline comment": "made in the web only",
    "inline comment added by API": "line comments come with their review",
    "workflow": "Actions",
    "run": "Actions",
    "job": "Actions",
    "[skip ci]": "Actions",
    "return_run_info": "Actions",
}
#: The modules that fill ``STEPS``.
TOPICS: Final = (issue_steps, pull_steps, git_steps)
DONE_OVER: Final = [one for one in steps() if one.name in STEPS]


@pytest.fixture(scope="session")
def performed(
    target: Target, drive: Drive, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, list[Arrival] | str]]:
    """What arrived for each step, or why it could not be done here (after ``drive``, which lists issues)."""
    found: dict[str, list[Arrival] | str] = {}
    with mailbox() as box:
        scene = Scene(target, box, "ann/hooked")
        scene.kept["folder"] = str(tmp_path_factory.mktemp("clones"))
        scene.set_up()
        for one in DONE_OVER:
            try:
                STEPS[one.name](scene)
                found[one.name] = box.take(len(one.webhooks), target)
            except CannotDo as reason:
                found[one.name] = f"not possible here: {reason}"
        scene.close()
        yield found


@pytest.mark.parametrize("recorded", DONE_OVER, ids=lambda one: one.name)
def test_sends_as_recorded(recorded: Step, performed: dict[str, list[Arrival] | str], target: Target) -> None:
    arrived = performed[recorded.name]
    if isinstance(arrived, str):
        assert target.name != "stand-in", "the stand-in can do all of them"
        pytest.skip(f"{target.name}: {arrived}")
    ours = [Webhook("", one.headers, one.body.decode()) for one in arrived]
    assert Counter(one.kind for one in ours) == Counter(one.kind for one in recorded.webhooks)
    for old, new in _pairs(list(recorded.webhooks), ours):
        assert list(new.headers) == list(old.headers) or set(new.headers) == set(old.headers)
        assert _told_apart(new) == _told_apart(old)
        # Pull requests and issues of the recording carry milestones from steps that are not done over.
        more = target.newer
        assert not differences(old.payload, new.payload, ignored="milestone", more_is_fine=more), old.file
        assert signature_is_right(SECRET, new.body.encode(), new.headers["X-Forgejo-Signature"])
        assert new.headers["X-Hub-Signature-256"] == "sha256=" + new.headers["X-Forgejo-Signature"]
        assert new.body.startswith('{\n  "') == old.body.startswith('{\n  "')


def _pairs(old: list[Webhook], new: list[Webhook]) -> list[tuple[Webhook, Webhook]]:
    """Recorded and seen ones of the same kind: deliveries of one step may come in any order."""
    rest = list(new)
    pairs = []
    for one in old:
        match = next(other for other in rest if other.kind == one.kind)
        rest.remove(match)
        pairs.append((one, match))
    return pairs


def _told_apart(one: Webhook) -> dict[str, Any]:
    """The values that the fleet relies on: event name, doer, whose right, labels, what changed."""
    said = one.payload
    about = said.get("issue") or said.get("pull_request") or {}
    return {
        "event": one.headers["X-Forgejo-Event"],
        "content type": one.headers["Content-Type"],
        "sender": said["sender"]["login"],
        "permissions": said["repository"]["permissions"],
        "labels": [label["name"] for label in about.get("labels", [])],
        "state": about.get("state"),
        "assignees": len(about.get("assignees") or []),
        "commits": len(said.get("commits") or []),
        "changed": sorted(said.get("changes", {})),
    }


def test_every_recorded_step_is_done_over_or_excused() -> None:
    left = [one.name for one in steps() if one.name not in STEPS]
    unexcused = [name for name in left if not any(word in name for word in NOT_DONE_OVER)]
    assert not unexcused


@pytest.mark.parametrize("state", ["success", "failure"])
def test_the_stand_in_tells_of_runs_as_recorded(state: str, tmp_path: Path) -> None:
    """Nothing runs there: a story says how a run ends."""
    number = {"success": 128, "failure": 130}[state]
    recorded = json.loads((ROOT / "webhooks" / f"{number}-action_run_{state}-{state}.json").read_text())
    forge = Standin(tmp_path, deliveries="manual")
    repo = forge.repository("ann/demo", files={"README.md": "# Demo\n"})
    repo.hook("http://127.0.0.1:1/", secret=SECRET, events=[f"action_run_{state}"], active=True)
    repo.run_ends(forge.person("ann"), repo.branches()["main"], "ci / build (push)", state)
    [sent] = forge.deliveries.waiting
    assert not differences(json.loads(recorded["body"]), json.loads(sent.payload))
    assert sent.headers.keys() <= recorded["headers"].keys()
    assert json.loads(sent.payload)["run"]["repository"]["permissions"] == {"admin": True, "push": True, "pull": True}


def test_every_step_was_recorded() -> None:
    assert STEPS.keys() <= {one.name for one in steps()}


def test_kinds_are_read_from_headers_and_payload() -> None:
    assert kind({"X-Forgejo-Event-Type": "create"}, {"ref_type": "tag"}) == ("create", "tag")
