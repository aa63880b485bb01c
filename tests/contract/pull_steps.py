"""Steps on branches and pull requests: opening, edits, reviews, merging."""

from typing import Final

from tests.contract.hooked import Scene
from tests.contract.steps import does, step


@step("file written on a new branch by API (branch create and push)")
def _(scene: Scene) -> None:
    scene.write("bob", "fleet/1-greeting", "hello.py", "print('hello')\n", new=True)


@step("pull request opened with 'Closes #n'")
def _(scene: Scene) -> None:
    body = {"title": "Add greeting", "body": f"Closes #{scene.kept['first']}", "base": "main"}
    made = scene.call("bob", "POST", "/pulls", {**body, "head": "fleet/1-greeting"})
    scene.kept["pull"] = made["number"]


_ON_PULL: Final = "/issues/{pull}"
_PULL: Final = "/pulls/{pull}"
does(
    "comment on the pull request",
    "ann",
    "POST",
    _ON_PULL + "/comments",
    {"body": "/fleet review"},
    keep="on-pull",
)
does("comment on the pull request by a reader", "carl", "POST", _ON_PULL + "/comments", {"body": "nice"})
does(
    "comment on the pull request edited",
    "ann",
    "PATCH",
    "/issues/comments/{on-pull}",
    {"body": "/fleet help"},
)
does("comment on the pull request deleted", "ann", "DELETE", "/issues/comments/{on-pull}")
does(
    "label on the pull request",
    "bob",
    "POST",
    _ON_PULL + "/labels",
    {"labels": ["agent:claude", "fleet/running"]},
)
does("labels of the pull request cleared", "bob", "DELETE", _ON_PULL + "/labels")
does("pull request title edited", "bob", "PATCH", _PULL, {"title": "Add a greeting"})


@step("pull request body edited")
def _(scene: Scene) -> None:
    body = {"body": f"Closes #{scene.kept['first']}\n\nmore"}
    scene.call("ann", "PATCH", f"/pulls/{scene.kept['pull']}", body)


does("pull request made a draft (WIP: title)", "bob", "PATCH", _PULL, {"title": "WIP: Add a greeting"})
does("pull request ready again", "bob", "PATCH", _PULL, {"title": "Add a greeting"})
does("pull request assigned", "bob", "PATCH", _PULL, {"assignees": ["bob"]})


@step("new push to the pull request (synchronized)")
def _(scene: Scene) -> None:
    scene.write("bob", "fleet/1-greeting", "second.py", "print('again')\n")


_REVIEWERS: Final = _PULL + "/requested_reviewers"
does("review requested", "bob", "POST", _REVIEWERS, {"reviewers": ["ann"]})
does("review request removed", "bob", "DELETE", _REVIEWERS, {"reviewers": ["ann"]})
does(
    "owner asks the bot for a review on a writer's pull request",
    "ann",
    "POST",
    _REVIEWERS,
    {"reviewers": ["fleet-bot"]},
)
does("owner assigns herself on a writer's pull request", "ann", "PATCH", _PULL, {"assignees": ["bob", "ann"]})
does("owner labels a writer's pull request", "ann", "POST", _ON_PULL + "/labels", {"labels": ["bug"]})
does("owner clears the labels of a writer's pull request", "ann", "DELETE", _ON_PULL + "/labels")

_REVIEWS: Final = _PULL + "/reviews"
_ON_LINE: Final = {"path": "hello.py", "body": "why?", "new_position": 1}
does(
    "review: comment, with an inline comment",
    "ann",
    "POST",
    _REVIEWS,
    {"event": "COMMENT", "body": "A question", "comments": [_ON_LINE]},
)
does(
    "review: changes requested, with two inline comments",
    "ann",
    "POST",
    _REVIEWS,
    {"event": "REQUEST_CHANGES", "body": "Please fix", "comments": [_ON_LINE, {**_ON_LINE, "body": "and"}]},
)
does("review: comment only, by a reader", "carl", "POST", _REVIEWS, {"event": "COMMENT", "body": "hm"})
does("review: approved by a reader", "carl", "POST", _REVIEWS, {"event": "APPROVED", "body": "reader approves"})
does("review: approved", "ann", "POST", _REVIEWS, {"event": "APPROVED", "body": "good"})


@step("commit status posted")
def _(scene: Scene) -> None:
    sha = scene.call("ann", "GET", f"/pulls/{scene.kept['pull']}")["head"]["sha"]
    scene.call("fleet-bot", "POST", f"/statuses/{sha}", {"state": "success", "context": "agent-fleet"})


@step("pull request merged (closes the issue, deletes the branch)")
def _(scene: Scene) -> None:
    body = {"Do": "merge", "delete_branch_after_merge": True}
    scene.call("ann", "POST", f"/pulls/{scene.kept['pull']}/merge", body)


@step("second branch")
def _(scene: Scene) -> None:
    scene.write("bob", "fleet/2-third", "third.py", "3\n", new=True)


does(
    "second pull request opened with labels and assignee",
    "bob",
    "POST",
    "/pulls",
    {
        "title": "Third",
        "head": "fleet/2-third",
        "base": "main",
        "labels": ["label:bug"],
        "assignees": ["bob"],
    },
    keep="pull",
    part="number",
)
does("pull request closed unmerged", "bob", "PATCH", _PULL, {"state": "closed"})
does("pull request reopened", "ann", "PATCH", _PULL, {"state": "open"})
does("pull request branch deleted by API", "bob", "DELETE", "/branches/fleet%2F2-third")
