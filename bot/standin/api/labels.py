"""Labels of repositories and of issues."""

from bot.standin import labels as labelling
from bot.standin.answers import Json, Reply, not_found, nothing
from bot.standin.api.calls import Call, created, ok, route
from bot.standin.labels import Label
from bot.standin.people import Right
from bot.standin.render import issues as render_issues
from bot.standin.render import repositories as render

_ON_REPO = "/repos/<owner>/<repo>/labels"
_ON_ISSUE = "/repos/<owner>/<repo>/issues/<int:number>/labels"


@route("GET", _ON_REPO, scope="issue")
def listed(call: Call) -> Reply:
    """A repository's labels by name."""
    shown, headers = call.page(call.repo.labels, lax=True)
    return ok([render.label(call.repo, made) for made in shown], headers)


@route("POST", _ON_REPO, scope="issue")
def create(call: Call) -> Reply:
    """Make a label, also a second one of the same name."""
    call.needs(Right.WRITE)
    given = call.body("CreateLabelOption", ["name", "color"], name=str, color=str, description=str, exclusive=bool)
    made = call.repo.label(
        given["name"],
        given["color"],
        exclusive=given.get("exclusive", False),
        description=given.get("description", ""),
    )
    return created(render.label(call.repo, made))


def _label(call: Call) -> Label:
    wanted = int(call.args["id"])
    found = next((label for label in call.repo.labels if label.id == wanted), None)
    if found is None:
        raise not_found()
    return found


@route("GET", _ON_REPO + "/<int:id>", scope="issue")
def one(call: Call) -> Reply:
    """A label by id."""
    return ok(render.label(call.repo, _label(call)))


@route("PATCH", _ON_REPO + "/<int:id>", scope="issue")
def edit(call: Call) -> Reply:
    """Change a label."""
    call.needs(Right.WRITE)
    given = call.body("EditLabelOption", name=str, color=str, description=str, exclusive=bool, is_archived=bool)
    label = _label(call)
    if "color" in given:
        label.color = labelling.color(given["color"])
    for name in ("name", "description", "exclusive", "is_archived"):
        setattr(label, name, given.get(name, getattr(label, name)))
    return ok(render.label(call.repo, label))


@route("DELETE", _ON_REPO + "/<int:id>", scope="issue")
def delete(call: Call) -> Reply:
    """Take a label away everywhere."""
    call.needs(Right.WRITE)
    call.repo.delete_label(_label(call))
    return nothing()


@route("GET", _ON_ISSUE, scope="issue")
def of_issue(call: Call) -> Reply:
    """An issue's labels, all of them."""
    return ok(render_issues.labels(call.issue()))


def _given(call: Call) -> list[Json]:
    labels: list[Json] = call.body("IssueLabelsOption", labels=list).get("labels", [])
    return labels


@route("POST", _ON_ISSUE, scope="issue")
def add(call: Call) -> Reply:
    """Add labels by name or id."""
    issue = call.issue()
    issue.add_label(call.by, *_given(call))
    return ok(render_issues.labels(issue))


@route("PUT", _ON_ISSUE, scope="issue")
def replace(call: Call) -> Reply:
    """Replace all labels; only unknown names clears everything (15.0, seen)."""
    issue = call.issue()
    issue.replace_labels(call.by, *_given(call))
    return ok(render_issues.labels(issue))


@route("DELETE", _ON_ISSUE, scope="issue")
def clear(call: Call) -> Reply:
    """Take all labels off."""
    call.issue().clear_labels(call.by)
    return nothing()


@route("DELETE", _ON_ISSUE + "/<identifier>", scope="issue")
def remove(call: Call) -> Reply:
    """Take one off; who asks for GitHub's media type gets that one label as a list (15.0, seen)."""
    removed = call.issue().remove_label(call.by, call.args["identifier"])
    if "application/vnd.github" in call.request.headers.get("Accept", ""):
        return ok([render.label(call.repo, removed)])
    return nothing()
