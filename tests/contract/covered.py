"""Which recordings are compared, which are not and why, and which routes have no recording."""

import re
from typing import Final

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from bot.standin.api import ROUTES
from bot.standin.api.calls import Route
from tests.contract.recordings import PREFIX, Exchange, exchanges

#: Recorded, on routes that the stand-in has, but about things it has not.
NOT_COMPARED: Final = {
    "024-labels-empty": "a repository of an organisation",
    "038-issue-label-add-org-label-by-name": "labels of an organisation",
    "039-labels-of-an-org-repo-do-not-list-org-labels": "labels of an organisation",
    "196-permission-of-org-owner": "a repository of an organisation",
    "198-permission-of-a-team-member-with-issues-write-only": "teams of an organisation",
    "199-assignees-of-an-org-repo": "a repository of an organisation",
    "250-renamed-user-get": "people cannot be renamed",
    "257-runs-list-by-two-statuses-and-event": "runs of pushes",
    "266-dispatch-400-missing-input": "which inputs a workflow demands",
    "262-run-jobs": "Forgejo 15, which has no such route; the stand-in answers as 16 does",
    "274-combined-status-of-actions": "statuses that Actions posts",
    "277-combined-status-of-a-pull-request-run": "statuses that Actions posts",
    "279-job-token-user": "the automatic token of a job",
    "280-job-token-repo": "the automatic token of a job",
    "281-job-token-comment": "the automatic token of a job",
    "282-job-token-label": "the automatic token of a job",
    "283-job-token-permission": "the automatic token of a job",
    "284-job-token-hooks": "the automatic token of a job",
    "285-job-token-private-repo": "the automatic token of a job",
    "286-job-token-status": "the automatic token of a job",
    "292-job-token-after-the-job": "the automatic token of a job",
}

#: Recorded of Actions: compared by `test_actions.py`, because on a real forge a run needs a runner.
HELD_ELSEWHERE: Final = frozenset(
    {
        "253-runs-empty",
        "254-dispatch-return-run-info",
        "255-runs-list",
        "256-runs-list-by-status",
        "258-runs-list-by-comma-status",
        "259-runs-list-by-workflow-and-ref",
        "260-run",
        "261-run-404",
        "267-dispatch-unknown-workflow",
        "268-dispatch-unknown-ref",
        "269-dispatch-unknown-full-ref",
        "270-dispatch-no-ref",
        "271-dispatch-input-not-a-string",
        "272-dispatch-403-reader",
        "273-dispatch-204",
        "275-run-cancel-by-api",
        "276-run-cancelled",
        "278-runs-list-with-a-run-that-needs-approval",
    }
)

#: Routes without a recording, and where they are described instead (pyforgejo 2.0.7 is generated from Forgejo
#: 14.0.2's own API description).
UNRECORDED: Final = {
    "PUT /repos/<owner>/<repo>/collaborators/<login>": "pyforgejo repository.repo_add_collaborator: 204",
    "GET /repos/<owner>/<repo>/labels/<int:id>": "pyforgejo issue.get_label: a Label",
    "GET /orgs/<org>/repos": "pyforgejo organization.org_list_repos: a list of Repository",
    "PATCH /orgs/<org>/labels/<int:id>": "pyforgejo organization.org_edit_label: a Label",
    "DELETE /repos/<owner>/<repo>/issues/<int:number>/reactions": "pyforgejo issue.delete_issue_reaction",
    "POST /repos/<owner>/<repo>/issues/comments/<int:comment>/assets": (
        "pyforgejo issue.create_issue_comment_attachment: as 241; its webhook is recorded (046)"
    ),
    "POST /repos/<owner>/<repo>/pulls/<int:number>/reviews/<int:id>/comments": (
        "pyforgejo repository.repo_create_pull_review_comment: 200, as one of 161"
    ),
    "GET /repos/<owner>/<repo>/actions/runs/<int:run>/jobs": (
        "Forgejo 16 routers/api/v1/repo/action.go: a list of jobs with their ids"
    ),
    "GET /repos/<owner>/<repo>/actions/runs/<int:run>/jobs/<int:job>/logs": (
        "Forgejo 16 routers/api/v1/repo/action.go GetActionJobLogs: text/plain"
    ),
    "POST /user/applications/oauth2": "pyforgejo user.user_create_oauth2application: 201; driven by `test_sign_in.py`",
    "GET /repos/<owner>/<repo>/issues/<int:number>/times": (
        "pyforgejo issue.tracked_times; Forgejo routers/api/v1/repo/issue_tracked_time.go: 404 where it is disabled"
    ),
    "POST /repos/<owner>/<repo>/issues/<int:number>/times": (
        "pyforgejo issue.add_time: 200, a TrackedTime; issue_tracked_time.go: 400 where it is disabled, else a bare 403"
    ),
    "DELETE /repos/<owner>/<repo>/pulls/<int:number>/merge": (
        "Forgejo routers/api/v1/repo/pull.go CancelScheduledAutoMerge: 204, 404 when none is scheduled"
    ),
    "DELETE /repos/<owner>/<repo>/pulls/<int:number>/requested_reviewers": (
        "pyforgejo repository.repo_delete_pull_review_requests: 204; its webhook is recorded (076)"
    ),
}

_MAP = Map(
    [Rule(PREFIX + route.path, methods=[route.method], endpoint=route) for route in ROUTES],
    strict_slashes=False,
    merge_slashes=False,
)


def route_of(exchange: Exchange) -> Route | None:
    """The stand-in's route for a recorded call."""
    path = re.sub(r"\?.*", "", exchange.path)
    try:
        found: Route = _MAP.bind("forge").match(path, exchange.method)[0]
    except HTTPException:
        return None
    return found


def compared() -> list[Exchange]:
    """The recorded calls that every target must answer alike."""
    left_out = NOT_COMPARED.keys() | HELD_ELSEWHERE
    return [one for one in exchanges() if one.name not in left_out and route_of(one) is not None]


def name_of(route: Route) -> str:
    """How ``UNRECORDED`` names a route."""
    return f"{route.method} {route.path}"
