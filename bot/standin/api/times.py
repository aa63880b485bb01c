"""Tracked time: as pyforgejo (AddTimeOption, TrackedTime) and Forgejo's issue_tracked_time.go say; not recorded."""

from bot.standin.answers import Json, Refusal, Reply
from bot.standin.api.calls import Call, ok, route
from bot.standin.issues import TrackedTime
from bot.standin.people import Right
from bot.standin.render import issues as render
from bot.standin.render.people import when

_TIMES = "/repos/<owner>/<repo>/issues/<int:number>/times"


def _shown(call: Call, one: TrackedTime) -> dict[str, Json]:
    return {
        "id": one.id,
        "created": when(one.created),
        "time": one.secs,
        "user_id": one.by.id,
        "user_name": one.by.login,
        "issue_id": one.issue.id,
        "issue": render.issue(one.issue, call.person),
    }


@route("GET", _TIMES, scope="issue")
def listed(call: Call) -> Reply:
    """The entries of an issue from `since` on; whoever does not administer the repository sees their own."""
    if not call.repo.time_tracker:
        raise Refusal(404, "Timetracker is disabled")
    issue, wanted, since = call.issue(), call.query("user"), call.since()
    own = call.right < Right.ADMIN
    found = [
        x
        for x in issue.times
        if x.created >= since and (not own or x.by is call.by) and (not wanted or x.by.login == wanted)
    ]
    shown, headers = call.page(found)
    return ok([_shown(call, x) for x in shown], headers)


@route("POST", _TIMES, scope="issue")
def add(call: Call) -> Reply:
    """Another entry each time it is asked for."""
    issue = call.issue()
    if not call.repo.time_tracker:
        raise Refusal(400, "time tracking disabled")
    issue.needs(call.by, Right.WRITE)
    given = call.body("AddTimeOption", ["time"], time=int, created=str, user_name=str)
    return ok(_shown(call, issue.track_time(call.by, given["time"], given.get("created", ""))))
