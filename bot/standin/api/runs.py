"""Runs of CI, as a person's push starts them: their jobs and logs (Forgejo 16)."""

from bot.standin.answers import Reply, not_found
from bot.standin.api.calls import Call, ok, route
from bot.standin.statuses import Run

_RUNS = "/repos/<owner>/<repo>/actions/runs"


def of_number(call: Call, number: str) -> Reply:
    """The runs of that number."""
    found = [run for run in reversed(call.repo.runs) if number == str(run.number)]
    shown = [{"id": run.id, "index_in_repo": run.number, "commit_sha": run.sha} for run in found]
    return ok({"workflow_runs": shown, "total_count": len(shown)})


def _run(call: Call) -> Run:
    wanted = int(call.args["run"])
    found = next((run for run in call.repo.runs if run.id == wanted), None)
    if found is None:
        raise not_found()
    return found


@route("GET", _RUNS + "/<int:run>/jobs")
def jobs(call: Call) -> Reply:
    """A run's jobs."""
    return ok([{"id": _run(call).id, "run_id": _run(call).id, "name": "build"}])


@route("GET", _RUNS + "/<int:run>/jobs/<int:job>/logs")
def log(call: Call) -> Reply:
    """A job's log as plain text."""
    return Reply(200, raw=_run(call).log.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})
