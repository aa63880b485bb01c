"""What CI says of a commit, and the end of a failed job's log."""

import re
from typing import Any, Final

from bot.core.errors import Refused
from bot.core.facts import CommitCheck
from bot.forge import decode
from bot.forge.api import PAGE, Api, Missing, RepoRef, quoted

#: How Forgejo Actions names a job in a commit status: run's number in the repository, job's index in the run.
_JOB: Final = re.compile(r"/actions/runs/(?P<run>[0-9]{1,12})/jobs/(?P<job>[0-9]{1,6})/?\Z")


class Checks:
    def __init__(self, api: Api) -> None:
        self._api = api

    def of(self, repo: RepoRef, sha: str) -> list[CommitCheck]:
        """The newest status of each context."""
        found: Any = self._api.raw_in(
            repo, "read commit statuses", "GET", f"/commits/{quoted(sha)}/status", params={"page": 1, "limit": PAGE}
        )
        return [decode.commit_check(x) for x in found.get("statuses") or []]

    def log_tail(self, repo: RepoRef, check: CommitCheck, chars: int) -> str:
        """The end of the log of the job behind a status; "" when it is none of the forge's own or cannot be had.

        The address in a status is anyone's: only the two numbers in it are used. By API from Forgejo 16 on; before,
        by the page's own way, which is open for public repositories only.
        """
        job = _JOB.search(check.target)
        if job is None:
            return ""
        run, index = int(job["run"]), int(job["job"])
        for read in (self._by_api, self._by_page):
            try:
                return read(repo, run, index)[-chars:]
            except Refused:
                continue
        return ""

    def _by_api(self, repo: RepoRef, run: int, index: int) -> str:
        def jobs(owner: str, name: str) -> str:
            at = f"/repos/{owner}/{name}/actions/runs"
            listed = self._api.raw("find a run", "GET", at, params={"run_number": run, "limit": 1})
            found = [x for x in (listed or {}).get("workflow_runs") or [] if x.get("index_in_repo") == run]
            if not found:
                raise Missing(f"there is no run {run}", "", 404, "no_run")
            run_id = int(found[0]["id"])
            answer = self._api.raw("list a run's jobs", "GET", f"{at}/{run_id}/jobs")
            rows = answer if isinstance(answer, list) else (answer or {}).get("jobs") or []
            if index >= len(rows):
                raise Missing(f"run {run} has no job {index}", "", 404, "no_job")
            return self._api.text("read a job's log", f"{at}/{run_id}/jobs/{int(rows[index]['id'])}/logs")

        return self._api.within(repo, jobs)

    def _by_page(self, repo: RepoRef, run: int, index: int) -> str:
        at = f"/actions/runs/{run}/jobs/{index}/attempt/1/logs"
        return self._api.within(repo, lambda o, r: self._api.text("read a job's log", f"/{o}/{r}{at}", page=True))
