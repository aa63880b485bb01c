"""Actions: what the stand-in answers has the shapes and statuses that were recorded.

Held here rather than by the drive, because on a real forge runs need a runner.
"""

from pathlib import Path
from typing import Any

import pytest
import requests

from bot.standin import Standin
from tests.contract.covered import HELD_ELSEWHERE
from tests.contract.recordings import Exchange, exchanges
from tests.contract.shape import differences

_RECORDED = {one.name: one for one in exchanges()}


@pytest.mark.parametrize("name", sorted(HELD_ELSEWHERE))
def test_actions_answer_as_recorded(name: str, tmp_path: Path) -> None:
    recorded = _RECORDED[name]
    forge = Standin(tmp_path)
    repo = forge.repository("ann/demo", files={".forgejo/workflows/ci.yml": "on: workflow_dispatch\n"})
    repo.grant(forge.person("fleet-bot"), "admin")
    forge.person("carl")
    with forge.serve() as url:
        if "empty" not in name:
            for _ in range(2):
                _made(url, forge, _RECORDED["254-dispatch-return-run-info"])
            forge.runs[1].becomes("success")
            forge.runs[2].needs_approval = "approval" in name
        answer = _made(url, forge, recorded)
    assert answer.status_code == recorded.status, answer.text
    if recorded.status < 300 and recorded.status != 204:
        found: Any = answer.json()
        assert not differences(_slim(recorded.response), _slim(found))


def _made(url: str, forge: Standin, recorded: Exchange) -> requests.Response:
    login = "carl" if recorded.name.endswith("reader") else "fleet-bot"
    path = recorded.path.replace("/runs/4", "/runs/1").replace("/runs/7", "/runs/1")
    return requests.request(
        recorded.method,
        url + path,
        json=recorded.request,
        headers={"Authorization": f"token {forge.person(login).token}"},
        timeout=10,
    )


def _slim(answer: Any) -> Any:
    """Without repository and people, which others hold, and the duration (absent when 0); a list by its first run."""
    if "workflow_runs" in answer:
        return {**answer, "workflow_runs": [_slim(run) for run in answer["workflow_runs"][:1]]}
    return {name: value for name, value in answer.items() if name not in ("repository", "trigger_user", "duration")}
