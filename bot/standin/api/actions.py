"""Workflow dispatch and runs."""

from bot.standin import workflows
from bot.standin.answers import Refusal, Reply, nothing
from bot.standin.api import runs
from bot.standin.api.calls import Call, created, ok, route
from bot.standin.people import Right
from bot.standin.workflows import Run

_STATUSES = {*workflows.OVER, "unknown", "waiting", "running", "blocked"}
_RUNS = "/repos/<owner>/<repo>/actions/runs"


@route("POST", "/repos/<owner>/<repo>/actions/workflows/<workflow>/dispatches")
def dispatch(call: Call) -> Reply:
    """Start a workflow; 204 unless asked for the run."""
    call.needs(Right.WRITE)
    given = call.body("DispatchWorkflowOption", ref=str, inputs=dict, return_run_info=bool)
    for value in given.get("inputs", {}).values():
        if not isinstance(value, str):
            text = "json: cannot unmarshal number into Go struct field DispatchWorkflowOption.inputs of type string"
            raise Refusal(422, f"[]: {text}")
    if not given.get("ref"):
        raise Refusal(400, "ref is empty")
    run = workflows.dispatch(call.repo, call.by, call.args["workflow"], given["ref"], given.get("inputs", {}))
    if not given.get("return_run_info"):
        return nothing()
    return created({"id": run.id, "run_number": run.number, "jobs": ["agent"]})


@route("GET", _RUNS)
def listed(call: Call) -> Reply:
    """Runs, newest first; `status` and `event` may be given several times."""
    if number := call.query("run_number", ""):
        return runs.of_number(call, number)
    wanted = {name: set(call.request.args.getlist(name)) for name in ("status", "event")}
    if strange := wanted["status"] - _STATUSES:
        raise Refusal(400, f"unknown status: {min(strange)}")
    found = [
        run
        for run in reversed(call.forge.runs.values())
        if run.repo is call.repo
        and (not wanted["status"] or run.status in wanted["status"])
        and (not wanted["event"] or run.event in wanted["event"])
    ]
    shown, _ = call.page(found, lax=True)
    return ok({"workflow_runs": [workflows.rendered(run, call.right) for run in shown], "total_count": len(found)})


@route("GET", _RUNS + "/<int:run>")
def one(call: Call) -> Reply:
    """A run by its id."""
    return ok(workflows.rendered(_run(call), call.right))


@route("POST", _RUNS + "/<int:run>/cancel")
def cancel(call: Call) -> Reply:
    """Forgejo 16 can; 15 does not know the address."""
    if not call.forge.can_cancel_runs:
        return Reply(404, raw=b"404 page not found\n", headers={"Content-Type": "text/plain; charset=utf-8"})
    call.needs(Right.WRITE)
    run = _run(call)
    if run.status not in workflows.OVER:
        run.becomes("cancelled")
    return nothing()


def _run(call: Call) -> Run:
    found = call.forge.runs.get(int(call.args["run"]))
    if found is None or found.repo is not call.repo:
        raise Refusal(404, f"run with id {call.args['run']}: resource does not exist")
    return found
