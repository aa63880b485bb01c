"""Repositories, branches, commits."""

from bot.standin.answers import Refusal, Reply, not_found, nothing
from bot.standin.api.calls import Call, created, ok, route
from bot.standin.people import Right
from bot.standin.render import commits as render
from bot.standin.render.repositories import repository

_ONE = "/repos/<owner>/<repo>"


@route("GET", _ONE)
def one(call: Call) -> Reply:
    """A repository by name."""
    return ok(repository(call.repo, call.right, call.person))


@route("GET", "/repositories/<int:id>")
def by_id(call: Call) -> Reply:
    """A repository by the id that outlives renames."""
    call.found_repo = call.forge.repositories.get(int(call.args["id"]))
    if call.right < Right.READ:
        raise not_found()
    return one(call)


@route("PATCH", _ONE)
def edit(call: Call) -> Reply:
    """Rename, archive, describe."""
    call.needs(Right.ADMIN)
    given = call.body("EditRepoOption", name=str, archived=bool, description=str, private=bool)
    if "name" in given:
        call.repo.rename(given["name"])
    for name in ("archived", "description", "private"):
        setattr(call.repo, name, given.get(name, getattr(call.repo, name)))
    return one(call)


@route("GET", _ONE + "/branches")
def branches(call: Call) -> Reply:
    """All branches, the one committed to last first."""
    heads = [(name, call.repo.git.log(sha, limit=1)[0]) for name, sha in call.repo.branches().items()]
    heads.sort(key=lambda head: head[1].committer.when, reverse=True)
    shown, headers = call.page(heads, links=True)
    return ok([render.branch(call.repo, name, commit, call.right) for name, commit in shown], headers)


@route("POST", _ONE + "/branches")
def create_branch(call: Call) -> Reply:
    """A branch from another one; 409 when it is there."""
    call.needs(Right.WRITE)
    given = call.body("CreateBranchRepoOption", ["new_branch_name"], new_branch_name=str, old_ref_name=str)
    name = given["new_branch_name"]
    if call.repo.git.branch_sha(name):
        raise Refusal(409, "The branch already exists.")
    call.repo.create_branch(call.by, name, given.get("old_ref_name", call.repo.default_branch))
    return created(_branch(call, name).body)


def _branch(call: Call, name: str) -> Reply:
    sha = call.repo.git.branch_sha(name)
    if not sha:
        raise not_found(f"branch does not exist [name: {name}]")
    return ok(render.branch(call.repo, name, call.repo.git.log(sha, limit=1)[0], call.right))


@route("GET", _ONE + "/branches/<path:branch>")
def branch(call: Call) -> Reply:
    """A branch."""
    return _branch(call, call.args["branch"])


@route("DELETE", _ONE + "/branches/<path:branch>")
def delete_branch(call: Call) -> Reply:
    """Delete a branch."""
    call.needs(Right.WRITE)
    call.repo.delete_branch(call.by, call.args["branch"])
    return nothing()


@route("GET", _ONE + "/commits")
def commits(call: Call) -> Reply:
    """Commits of a branch, newest first."""
    ref = call.query("sha", call.repo.default_branch)
    sha = call.repo.git.sha(ref)
    if sha is None:
        raise not_found()
    shown, headers = call.page(call.repo.git.log(sha), links=True)
    return ok([render.commit(call.repo, commit) for commit in shown], headers)


@route("GET", _ONE + "/git/commits/<sha>")
def commit(call: Call) -> Reply:
    """A commit."""
    sha = call.repo.git.sha(call.args["sha"])
    if sha is None:
        raise not_found(message=call.args["sha"])
    return ok(render.commit(call.repo, call.repo.git.log(sha, limit=1)[0]))


@route("GET", _ONE + "/compare/<path:basehead>")
def compare(call: Call) -> Reply:
    """What head has that base has not."""
    base, _, head = call.args["basehead"].partition("...")
    base_sha, head_sha = call.repo.git.sha(base), call.repo.git.sha(head)
    if base_sha is None or head_sha is None:
        raise not_found()
    return ok(render.compare(call.repo, call.repo.git.log(f"{base_sha}..{head_sha}")))
