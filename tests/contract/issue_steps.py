"""Steps on issues: opening, labels, edits, comments, files."""

from typing import Final

from tests.contract.hooked import Scene
from tests.contract.steps import does, step

does("test delivery by API", "fleet-bot", "POST", "/hooks/{hook}/tests")


@step("creating a label in the repository")
def _(scene: Scene) -> None:
    scene.label("another", exclusive=False)


does(
    "issue opened with a label by a writer (API)",
    "bob",
    "POST",
    "/issues",
    {"title": "Add a greeting", "body": "Print hello.", "labels": ["label:agent:codex"]},
    keep="first",
    part="number",
)
does(
    "issue opened without a label by the owner (API)",
    "ann",
    "POST",
    "/issues",
    {"title": "Second"},
    keep="second",
    part="number",
)
does(
    "issue opened with a label by a reader (API): is the label kept?",
    "carl",
    "POST",
    "/issues",
    {"title": "From a reader", "labels": ["label:agent:codex"]},
    keep="readers",
    part="number",
)


@step("issue opened with labels by a reader through the WEB form")
def _(scene: Scene) -> None:
    labels = ["agent:codex", "fleet/queued", "fleet/running"]
    number = scene.target.open_issue_by_web_form(scene.repo, "carl", "From a reader by the form", labels)
    scene.kept["form"] = number


_LABELS: Final = "/issues/{first}/labels"
does(
    "reader tries to add a label by API",
    "carl",
    "POST",
    "/issues/{readers}/labels",
    {"labels": ["agent:codex"]},
    refused=True,
)
does(
    "label added by a writer to a reader's issue",
    "bob",
    "POST",
    "/issues/{readers}/labels",
    {"labels": ["agent:codex"]},
)
does("label added by a writer to his own issue", "bob", "POST", _LABELS, {"labels": ["bug"]})
does("label added that is already there (no-op)", "bob", "POST", _LABELS, {"labels": ["bug"]})
does("unknown label name added", "bob", "POST", _LABELS, {"labels": ["no-such"]})
does("label removed by id", "bob", "DELETE", _LABELS + "/{bug}")
does("absent label removed (no-op)", "bob", "DELETE", _LABELS + "/{bug}")
does("labels replaced (PUT)", "bob", "PUT", _LABELS, {"labels": ["agent:claude", "bug"]})
does("labels replaced by the same set", "bob", "PUT", _LABELS, {"labels": ["agent:claude", "bug"]})
does("all labels cleared", "bob", "DELETE", _LABELS)
does("label attached through the web menu by a writer", "bob", "POST", _LABELS, {"labels": ["agent:codex"]})
does("bot adds fleet/queued", "fleet-bot", "POST", _LABELS, {"labels": ["fleet/queued"]})
does(
    "bot swaps fleet/queued for fleet/running with one POST (exclusive)",
    "fleet-bot",
    "POST",
    _LABELS,
    {"labels": ["fleet/running"]},
)
does(
    "bot adds an exclusive label to an issue that carries two of the scope",
    "fleet-bot",
    "POST",
    "/issues/{form}/labels",
    {"labels": ["fleet/done"]},
)
does("title edited", "ann", "PATCH", "/issues/{first}", {"title": "Add a friendly greeting"})
does("body edited", "bob", "PATCH", "/issues/{first}", {"body": "Print hello, world."})
does("title and body edited in one call", "ann", "PATCH", "/issues/{first}", {"title": "Greet", "body": "Hi!"})
does("assigned", "bob", "PATCH", "/issues/{first}", {"assignees": ["bob"]})
does("assigned to two", "bob", "PATCH", "/issues/{first}", {"assignees": ["bob", "fleet-bot"]})
does("unassigned", "bob", "PATCH", "/issues/{first}", {"assignees": []})
does("writer assigns himself on a reader's issue", "bob", "PATCH", "/issues/{readers}", {"assignees": ["bob"]})
does("closed", "bob", "PATCH", "/issues/{first}", {"state": "closed"})
does("reopened", "ann", "PATCH", "/issues/{first}", {"state": "open"})
does("closed by its reader author", "carl", "PATCH", "/issues/{readers}", {"state": "closed"})

_COMMENTS: Final = "/issues/{first}/comments"
for _who in ("ann", "bob", "carl", "fleet-bot"):
    does(f"comment created by {_who}", _who, "POST", _COMMENTS, {"body": "Looks right."}, keep=f"by-{_who}")
does("bob writes /fleet retry", "bob", "POST", _COMMENTS, {"body": "/fleet retry"})
for _who in ("ann", "bob", "carl"):
    does(
        f"comment edited by its author {_who}",
        _who,
        "PATCH",
        f"/issues/comments/{{by-{_who}}}",
        {"body": "Looks right. (edited)"},
    )
does(
    "comment of carl edited by ann into a command",
    "ann",
    "PATCH",
    "/issues/comments/{by-carl}",
    {"body": "/fleet cancel"},
)
does(
    "comment edited to the same text",
    "bob",
    "PATCH",
    "/issues/comments/{by-bob}",
    {"body": "Looks right. (edited)"},
)
does(
    "carl tries to edit ann's comment",
    "carl",
    "PATCH",
    "/issues/comments/{by-ann}",
    {"body": "mine"},
    refused=True,
)
does(
    "reaction put on a comment",
    "fleet-bot",
    "POST",
    "/issues/comments/{by-fleet-bot}/reactions",
    {"content": "eyes"},
)
does(
    "file attached to a comment",
    "fleet-bot",
    "POST",
    "/issues/comments/{by-fleet-bot}/assets?name=log.txt",
    file=b"log",
)
does("file attached to the issue", "fleet-bot", "POST", "/issues/{first}/assets?name=log.txt", file=b"log")
for _who in ("carl", "bob", "ann"):
    does(f"comment deleted ({_who})", _who, "DELETE", f"/issues/comments/{{by-{_who}}}")


@step("comment created by a closing web form (comment and close)")
def _(scene: Scene) -> None:
    scene.call("bob", "POST", f"/issues/{scene.kept['second']}/comments", {"body": "done"})
    scene.call("bob", "PATCH", f"/issues/{scene.kept['second']}", {"state": "closed"})


@step("issue locked and unlocked through the web")
def _(scene: Scene) -> None:
    scene.target.lock(scene.repo, scene.kept["second"], "ann", locked=True)
    scene.target.lock(scene.repo, scene.kept["second"], "ann", locked=False)


@step("dependency added")
def _(scene: Scene) -> None:
    blocker = {"owner": "ann", "repo": "hooked", "index": scene.kept["readers"]}
    scene.call("bob", "POST", f"/issues/{scene.kept['first']}/dependencies", blocker)


@step("label added, then deleted from the repository")
def _(scene: Scene) -> None:
    scene.label("gone", exclusive=False)
    scene.call("ann", "POST", f"/issues/{scene.kept['second']}/labels", {"labels": ["gone"]})
    scene.call("ann", "DELETE", f"/labels/{scene.kept['gone']}")


does("comment by the bot itself", "fleet-bot", "POST", "/issues/{form}/comments", {"body": "by the bot"})
