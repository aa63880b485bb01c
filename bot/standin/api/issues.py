"""Issues: lists, creation, edits, dependencies, timeline, attachments."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bot.standin.answers import Json, Refusal, Reply, not_found
from bot.standin.api.calls import Call, created, ok, route
from bot.standin.issues import Issue
from bot.standin.people import Right
from bot.standin.render import issues as render

if TYPE_CHECKING:
    from bot.standin.repositories import Repository

_LIST = "/repos/<owner>/<repo>/issues"
_ONE = _LIST + "/<int:number>"


def _wanted(call: Call, issues: Iterable[Issue]) -> list[Issue]:
    """The filters of both lists: state, type, since (inclusive, by update)."""
    state, kind, since = call.query("state", "open"), call.query("type"), call.since()
    found = [
        issue
        for issue in issues
        if state in ("all", issue.state)
        and (kind not in ("issues", "pulls") or issue.is_pull == (kind == "pulls"))
        and issue.updated >= since
    ]
    oldest_first = call.query("sort") == "leastupdate"
    if oldest_first:
        return sorted(found, key=lambda issue: (issue.updated, issue.id))
    return sorted(found, key=lambda issue: (issue.created, issue.id), reverse=True)


def _labelled(call: Call, repo: "Repository", issues: Iterable[Issue]) -> list[Issue]:
    """All the named labels; a name that the repository does not have is dropped (15.0, seen)."""
    known = {label.name for label in repo.labels}
    names = [name for name in call.query("labels").split(",") if name in known]
    return [issue for issue in issues if set(names) <= set(issue.label_names)]


@route("GET", _LIST, scope="issue")
def listed(call: Call) -> Reply:
    """Issues and pull requests of a repository."""
    found = _labelled(call, call.repo, _wanted(call, call.repo.issues.values()))
    shown, headers = call.page(found, links=True)
    return ok([render.issue(issue, call.person) for issue in shown], headers)


@route("GET", "/repos/issues/search", scope="issue")
def search(call: Call) -> Reply:
    """Issues of every repository that the caller may read."""
    found: list[Issue] = []
    for repo in call.forge.repositories.values():
        if repo.right_of(call.person) >= Right.READ:
            wanted = set(filter(None, call.query("labels").split(",")))
            found += [issue for issue in repo.issues.values() if wanted <= set(issue.label_names)]
    shown, headers = call.page(_wanted(call, found), links=True)
    return ok([render.issue(issue, call.person) for issue in shown], headers)


@route("POST", _LIST, scope="issue")
def create(call: Call) -> Reply:
    """Open an issue; labels are ids here."""
    given = call.body("CreateIssueOption", ["title"], title=str, body=str, labels=list, assignees=list)
    issue = call.repo.open_issue(
        call.by, given["title"], given.get("body", ""), given.get("labels", []), given.get("assignees", [])
    )
    return created(render.issue(issue, call.person))


@route("GET", _ONE, scope="issue")
def one(call: Call) -> Reply:
    """An issue, or a pull request seen as one."""
    return ok(render.issue(call.issue(), call.person))


@route("PATCH", _ONE, scope="issue")
def edit(call: Call) -> Reply:
    """Change texts, assignees, state: 201, not 200 (15.0, seen)."""
    issue = call.issue()
    given = call.body("EditIssueOption", title=str, body=str, state=str, assignees=list)
    if call.by is not issue.poster:
        issue.needs(call.by, Right.WRITE)
    apply_edit(call, issue, given)
    return created(render.issue(issue, call.person))


def apply_edit(call: Call, issue: Issue, given: dict[str, Json]) -> None:
    """The part that issues and pull requests share."""
    issue.edit(call.by, title=given.get("title"), body=given.get("body"), assignees=given.get("assignees"))
    if given.get("state") == "closed":
        issue.close(call.by)
    elif given.get("state") == "open":
        issue.reopen(call.by)


@route("GET", _ONE + "/timeline", scope="issue")
def timeline(call: Call) -> Reply:
    """Everything that happened; null when nothing did, and the count is the page's own (15.0, seen)."""
    since = call.since()
    entries = [entry for entry in call.issue().entries if entry.updated >= since]
    shown, _ = call.page(entries, lax=True)
    body = [render.timeline(entry, call.person) for entry in shown]
    return ok(body or None, {"X-Total-Count": str(len(body))})


def _other(call: Call) -> Issue:
    """The issue that the body of a dependency call names."""
    given = call.body("IssueMeta", owner=str, repo=str, index=int)
    repo = call.forge.find(f"{given.get('owner', '')}/{given.get('repo', '')}")
    if repo is None or repo.right_of(call.by) < Right.READ or given.get("index") not in repo.issues:
        raise not_found()
    return repo.issues[given["index"]]


@route("GET", _ONE + "/dependencies", scope="issue")
def dependencies(call: Call) -> Reply:
    """Issues that block this one."""
    return ok([render.issue(blocker, call.person) for blocker in call.issue().blocked_by])


@route("POST", _ONE + "/dependencies", scope="issue")
def add_dependency(call: Call) -> Reply:
    """This issue is blocked by the one in the body."""
    issue, blocker = call.issue(), _other(call)
    issue.block_on(call.by, blocker)
    return created(render.issue(issue, call.person))


@route("DELETE", _ONE + "/dependencies", scope="issue")
def remove_dependency(call: Call) -> Reply:
    """Undo it; answers 201 (15.0, seen)."""
    issue, blocker = call.issue(), _other(call)
    issue.unblock_from(call.by, blocker)
    return created(render.issue(issue, call.person))


@route("GET", _ONE + "/blocks", scope="issue")
def blocks(call: Call) -> Reply:
    """Issues that this one blocks."""
    return ok([render.issue(blocked, call.person) for blocked in call.issue().blocks()])


@route("POST", _ONE + "/blocks", scope="issue")
def add_block(call: Call) -> Reply:
    """This issue blocks the one in the body."""
    issue, blocked = call.issue(), _other(call)
    blocked.block_on(call.by, issue)
    return created(render.issue(issue, call.person))


@route("POST", _ONE + "/assets", scope="issue")
def attach(call: Call) -> Reply:
    """Upload a file."""
    name, content = uploaded(call)
    made = call.issue().attach(call.by, name, content)
    return created(render.attachment(call.issue(), made))


def uploaded(call: Call) -> tuple[str, bytes]:
    """The multipart field `attachment`, named by the query or by itself."""
    file = call.request.files.get("attachment")
    if file is None:
        raise Refusal(500, "")
    return call.query("name") or file.filename or "attachment", file.read()
