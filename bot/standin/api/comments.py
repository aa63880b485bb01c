"""Comments and reactions."""

from bot.standin.answers import Json, Refusal, Reply, nothing
from bot.standin.api.calls import Call, created, ok, route
from bot.standin.api.issues import uploaded
from bot.standin.issues import Issue, Reaction, react
from bot.standin.people import Right
from bot.standin.render import issues as render

_OF_ISSUE = "/repos/<owner>/<repo>/issues/<int:number>/comments"
_OF_REPO = "/repos/<owner>/<repo>/issues/comments"
_ONE = _OF_REPO + "/<int:comment>"


@route("GET", _OF_ISSUE, scope="issue")
def of_issue(call: Call) -> Reply:
    """All comments of an issue: never paged."""
    found = [entry for entry in call.issue().comments if entry.updated >= call.since()]
    headers = {"X-Total-Count": str(len(found))}
    return ok([render.comment(entry, call.person) for entry in found], headers)


@route("GET", _OF_REPO, scope="issue")
def of_repo(call: Call) -> Reply:
    """Comments of the whole repository, oldest first, by update time when `since` is given."""
    everything = [entry for issue in call.repo.issues.values() for entry in issue.comments]
    found = sorted((e for e in everything if e.updated >= call.since()), key=lambda entry: entry.id)
    shown, headers = call.page(found, lax=True)
    return ok([render.comment(entry, call.person) for entry in shown], headers)


@route("POST", _OF_ISSUE, scope="issue")
def create(call: Call) -> Reply:
    """Write a comment."""
    given = call.body("CreateIssueCommentOption", ["body"], body=str)
    number = int(call.args["number"])
    issue = call.repo.issues.get(number)
    if issue is None:
        why = f"issue does not exist [id: 0, repo_id: {call.repo.id}, index: {number}]"
        raise Refusal(404, "IsErrIssueNotExist", [why])
    return created(render.comment(issue.comment(call.by, given["body"]), call.person))


@route("GET", _ONE, scope="issue")
def one(call: Call) -> Reply:
    """A comment; another timeline entry's id is 204 (15.0, seen)."""
    entry = call.comment()
    return ok(render.comment(entry, call.person)) if entry.kind == "comment" else nothing()


@route("PATCH", _ONE, scope="issue")
def edit(call: Call) -> Reply:
    """Change a comment."""
    entry = call.comment()
    given = call.body("EditIssueCommentOption", ["body"], body=str)
    entry.edit(call.by, given["body"])
    return ok(render.comment(entry, call.person))


@route("DELETE", _ONE, scope="issue")
def delete(call: Call) -> Reply:
    """Take a comment away."""
    call.comment().delete(call.by)
    return nothing()


@route("POST", _ONE + "/assets", scope="issue")
def attach(call: Call) -> Reply:
    """Upload a file to a comment."""
    entry = call.comment()
    name, content = uploaded(call)
    return created(render.attachment(entry.issue, entry.attach(call.by, name, content)))


def _listed(on: Issue, reactions: list[Reaction], call: Call) -> list[dict[str, Json]] | None:
    """Reactions; null when there are none."""
    return [render.reaction(on, one, call.person) for one in reactions] or None


def _add(on: Issue, reactions: list[Reaction], call: Call) -> Reply:
    """201 when new, 200 when it was there."""
    if on.is_locked:
        on.needs(call.by, Right.WRITE)
    given = call.body("EditReactionOption", content=str)
    made, new = react(reactions, call.by, given.get("content", ""), call.forge.now())
    return Reply(201 if new else 200, render.reaction(on, made, call.person))


def _remove(reactions: list[Reaction], call: Call) -> Reply:
    """200 with nothing, also when it was not there."""
    content = call.body("EditReactionOption", content=str).get("content", "")
    reactions[:] = [old for old in reactions if (old.by, old.content) != (call.by, content)]
    return nothing(200)


@route("GET", _ONE + "/reactions", scope="issue")
def reactions_of_comment(call: Call) -> Reply:
    """A comment's reactions."""
    return ok(_listed(call.comment().issue, call.comment().reactions, call))


@route("POST", _ONE + "/reactions", scope="issue")
def react_to_comment(call: Call) -> Reply:
    """Add one to a comment."""
    return _add(call.comment().issue, call.comment().reactions, call)


@route("DELETE", _ONE + "/reactions", scope="issue")
def take_back_from_comment(call: Call) -> Reply:
    """Take one back."""
    return _remove(call.comment().reactions, call)


_ON_ISSUE = "/repos/<owner>/<repo>/issues/<int:number>/reactions"


@route("GET", _ON_ISSUE, scope="issue")
def reactions_of_issue(call: Call) -> Reply:
    """An issue's reactions, with a count."""
    issue = call.issue()
    return ok(_listed(issue, issue.reactions, call), {"X-Total-Count": str(len(issue.reactions))})


@route("POST", _ON_ISSUE, scope="issue")
def react_to_issue(call: Call) -> Reply:
    """Add one to an issue."""
    return _add(call.issue(), call.issue().reactions, call)


@route("DELETE", _ON_ISSUE, scope="issue")
def take_back_from_issue(call: Call) -> Reply:
    """Take one back."""
    return _remove(call.issue().reactions, call)
