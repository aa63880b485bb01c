"""Forgejo Actions: starting workflows, looking at runs, and the keys that sign id tokens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.core.errors import Refused
from bot.forge.api import Api, Missing, RepoRef, quoted

#: How many of the newest runs are searched for one that may have been started.
_LOOK_BACK: Final = 50
_OVER: Final = frozenset({"success", "failure", "cancelled", "skipped"})


@dataclass(frozen=True)
class RunSeen:
    """``status`` is Forgejo's: waiting, blocked, running, success, failure, cancelled, skipped or unknown."""

    id: int
    status: str
    needs_approval: bool
    page: str

    @property
    def over(self) -> bool:
        return self.status in _OVER


class Actions:
    def __init__(self, api: Api) -> None:
        self._api = api

    def start(self, repo: RepoRef, workflow: str, branch: str, inputs: Mapping[str, str]) -> int:
        """Dispatches a workflow; returns the run's id. Not idempotent: twice is two runs, see ``started_with``.

        pyforgejo takes the answer without ``return_run_info`` for an error, so it is always asked for. An unknown
        workflow or branch is a 500 on Forgejo 15 (Unavailable, ambiguous) and a 404 on others.
        """
        body = {"ref": branch, "inputs": dict(inputs), "return_run_info": True}
        found = self._api.raw_in(
            repo,
            f"start the workflow {workflow}",
            "POST",
            f"/actions/workflows/{quoted(workflow)}/dispatches",
            write=True,
            json=body,
        )
        return int(found["id"])

    def started_with(self, repo: RepoRef, name: str, value: str) -> RunSeen | None:
        """Among the newest dispatched runs, the one whose input ``name`` is ``value``."""
        found = self._api.raw_in(
            repo,
            "list workflow runs",
            "GET",
            "/actions/runs",
            params={"event": "workflow_dispatch", "page": 1, "limit": _LOOK_BACK},
        )
        for one in (found or {}).get("workflow_runs") or []:
            if _inputs(one.get("event_payload")).get(name) == value:
                return _seen(one)
        return None

    def run(self, repo: RepoRef, run_id: int) -> RunSeen:
        """Raises Missing."""
        return _seen(self._api.raw_in(repo, f"read the workflow run {run_id}", "GET", f"/actions/runs/{run_id}"))

    def cancel(self, repo: RepoRef, run_id: int) -> bool:
        """Asks for the end of a run; False where the forge has no call for it (Forgejo 15)."""
        try:
            self._api.raw_in(
                repo, f"cancel the workflow run {run_id}", "POST", f"/actions/runs/{run_id}/cancel", write=True
            )
        except Missing:
            return False
        except Refused as refused:
            if refused.status in (400, 405, 409):  # it ended meanwhile, or the call is another one
                return False
            raise
        return True

    def signing_keys(self) -> list[dict[str, Any]]:
        """The public keys (JWK) with which id tokens of jobs are signed now."""
        found = self._api.public("read the keys of Actions", "/api/actions/.well-known/keys")
        keys = found.get("keys") if isinstance(found, dict) else None
        return [x for x in keys if isinstance(x, dict)] if isinstance(keys, list) else []


def _seen(data: Mapping[str, Any]) -> RunSeen:
    return RunSeen(
        id=int(data["id"]),
        status=str(data.get("status") or "unknown"),
        needs_approval=bool(data.get("need_approval")),
        page=str(data.get("html_url") or ""),
    )


def _inputs(payload: object) -> Mapping[str, Any]:
    try:
        found = json.loads(payload) if isinstance(payload, str) else {}
    except ValueError:
        return {}
    inputs = found.get("inputs") if isinstance(found, dict) else None
    return inputs if isinstance(inputs, dict) else {}
