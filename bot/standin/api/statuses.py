"""Commit statuses and branch protection."""

from bot.standin.answers import Reply, not_found, nothing
from bot.standin.api.calls import Call, created, ok, route
from bot.standin.people import Right
from bot.standin.render import commits as render
from bot.standin.render.repositories import protection
from bot.standin.statuses import latest

_PROTECTIONS = "/repos/<owner>/<repo>/branch_protections"


@route("POST", "/repos/<owner>/<repo>/statuses/<sha>")
def create(call: Call) -> Reply:
    """Post a status; its state is not checked (15.0, seen)."""
    call.needs(Right.WRITE)
    given = call.body("CreateStatusOption", state=str, context=str, description=str, target_url=str)
    made = call.repo.set_status(
        call.by,
        call.args["sha"],
        given.get("state", ""),
        given.get("context", "default"),
        given.get("description", ""),
        given.get("target_url", ""),
    )
    return created(render.status(call.repo, made))


def _sha(call: Call) -> str:
    sha = call.repo.git.sha(call.args["ref"])
    if sha is None:
        raise not_found(message=f"object does not exist [id: {call.args['ref']}, rel_path: ]")
    return sha


@route("GET", "/repos/<owner>/<repo>/commits/<path:ref>/status")
def combined(call: Call) -> Reply:
    """The latest of each context and their sum; no count header when there is none."""
    found = latest(call.repo.statuses, _sha(call))
    headers = {"X-Total-Count": str(len(found))} if found else {}
    return ok(render.combined_status(call.repo, found, call.right, call.person), headers)


@route("GET", "/repos/<owner>/<repo>/commits/<path:ref>/statuses")
def listed(call: Call) -> Reply:
    """Every status of a commit, newest first."""
    sha = _sha(call)
    found = [status for status in call.repo.statuses if status.sha == sha]
    shown, headers = call.page(list(reversed(found)))
    return ok([render.status(call.repo, status) for status in shown], headers)


@route("GET", _PROTECTIONS, signed_in=True)
def protections(call: Call) -> Reply:
    """All rules."""
    call.needs(Right.ADMIN)
    return ok([protection(rule) for rule in call.repo.protections])


@route("POST", _PROTECTIONS)
def protect(call: Call) -> Reply:
    """Make a rule."""
    call.needs(Right.ADMIN)
    given = call.body(
        "CreateBranchProtectionOption",
        rule_name=str,
        branch_name=str,
        enable_push=bool,
        enable_status_check=bool,
        status_check_contexts=list,
        required_approvals=int,
    )
    rule = call.repo.protect(
        given.get("rule_name") or given.get("branch_name", ""),
        push=given.get("enable_push", False),
        contexts=given.get("status_check_contexts", []),
    )
    rule.enable_status_check = given.get("enable_status_check", False)
    rule.required_approvals = given.get("required_approvals", 0)
    return created(protection(rule))


@route("DELETE", _PROTECTIONS + "/<path:name>")
def unprotect(call: Call) -> Reply:
    """Take a rule away."""
    call.needs(Right.ADMIN)
    rule = next((one for one in call.repo.protections if one.rule_name == call.args["name"]), None)
    if rule is None:
        raise not_found()
    call.repo.protections.remove(rule)
    return nothing()
