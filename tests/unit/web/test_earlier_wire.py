"""Pull agents written for the earlier agent-fleet: a client that knows nothing but that wire, end to end."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from bot.service import clocks
from bot.standin import Standin
from bot.store import agents
from tests.unit.web.conftest import ENROLMENT, Api, said_by


class EarlierAgent:
    """Speaks the API of May 2026: `hostname`, `metadata`, no fences, receipts as bodies."""

    def __init__(self, api: Api, name: str, token: str = ENROLMENT) -> None:
        self._api, self._name, self._token = api, name, token

    def registers(self) -> dict[str, Any]:
        said = {
            "agent_id": self._name,
            "agent_type": "codex-cli",
            "hostname": "worker-01",
            "capabilities": ["code:rust"],
            "max_concurrency": 1,
            "metadata": {"os": "linux"},
        }
        answer = self._post("/agents/register", said)
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = said_by(answer)
        self._token = found["registry_token"]
        return found

    def beats(self) -> TestResponse:
        return self._post("/agents/heartbeat", {"agent_id": self._name, "status": "idle"})

    def dequeues(self) -> TestResponse:
        return self._post("/tasks/dequeue", {"agent_id": self._name, "capabilities": ["code:rust"]})

    def reports(self, task_id: str) -> TestResponse:
        return self._post(f"/tasks/{task_id}/status", {"agent_id": self._name, "status": "running"})

    def completes(self, task_id: str, status: str, **receipt: Any) -> TestResponse:
        return self._post(f"/tasks/{task_id}/complete", self.receipt(task_id, status, **receipt))

    def hands_in(self, task_id: str, status: str, **receipt: Any) -> TestResponse:
        return self._post("/receipts", self.receipt(task_id, status, **receipt))

    def receipt(self, task_id: str, status: str, **more: Any) -> dict[str, Any]:
        named = {"task_id": task_id, "agent_id": self._name, "status": status, "duration_seconds": 12, "error": None}
        return named | {"summary": "Made it work.", "artifacts": []} | more

    def sees(self, task_id: str) -> dict[str, Any]:
        answer = self._api.call("GET", f"/tasks/{task_id}?agent_id={self._name}", token=self._token)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = said_by(answer)
        return found

    def _post(self, path: str, body: dict[str, Any]) -> TestResponse:
        return self._api.call("POST", path, body, self._token)


@pytest.fixture
def agent(api: Api) -> EarlierAgent:
    made = EarlierAgent(api, "old-1")
    made.registers()
    return made


def test_it_registers_and_goes_on_with_its_token(api: Api) -> None:
    made = EarlierAgent(api, "old-1")
    first = made.registers()
    assert first["registry_token"].startswith("aft_")
    assert made.registers()["registry_token"] == first["registry_token"]  # an upsert: go on with the same
    shown = api.fleet.read(lambda sql: agents.find(sql, "old-1"))
    assert shown
    assert (shown.host, shown.meta) == ("worker-01", {"os": "linux", "legacy": True})


@pytest.mark.parametrize("token", ["its own", "the shared one"])
def test_it_works_without_fences(api: Api, token: str) -> None:
    made = EarlierAgent(api, "old-1")
    made.registers()
    if token == "the shared one":
        made = EarlierAgent(api, "old-1")
    assert made.dequeues().status_code == 204
    task_id = api.task(1, "code:rust")
    got = said_by(made.dequeues())["task"]
    assert (got["task_id"], got["status"], got["execution_mode"]) == (task_id, "assigned", "http_pull")
    assert made.reports(task_id).status_code == 200
    assert made.beats().status_code == 200
    assert made.sees(task_id)["status"] == "running"
    done = made.completes(task_id, "failed", error="cargo does not build")
    assert done.status_code == 200, done.text
    seen = made.sees(task_id)
    assert (seen["state"], seen["status"]) == ("queued", "created")  # the retry


def test_its_pull_request_is_looked_at(forged: Api, forge: Standin) -> None:
    made = EarlierAgent(forged, "old-1")
    made.registers()
    home = forge.find("ann/demo")
    assert home
    number = home.open_issue(forge.person("ann"), "Fix the login").number
    body = {"repo": "ann/demo", "issue": number, "capabilities": ["code:rust"]}
    task = forged.call("POST", "/tasks", body, forged.token("write"), headers={"Idempotency-Key": "k"})
    assert task.status_code == 201, task.text
    task_id = said_by(task)["task_id"]
    assert made.dequeues().status_code == 200
    url = f"{forge.url}/ann/demo/pulls/4711"
    refused = made.completes(task_id, "completed", artifacts=[{"type": "pr", "url": url}])
    assert refused.status_code == 422
    assert "4711" in said_by(refused)["error"]
    assert made.sees(task_id)["status"] == "assigned"


def test_without_a_pull_request_there_is_nothing_to_change(api: Api, agent: EarlierAgent) -> None:
    task_id = api.task(1, "code:rust")
    agent.dequeues()
    done = agent.completes(task_id, "completed", summary="It works already.")
    assert said_by(done)["status"] == "completed"
    again = agent.completes(task_id, "completed", summary="It works already.")
    assert said_by(again) == said_by(done)
    assert agent.hands_in(task_id, "completed").status_code == 201


def test_partial_work_that_nobody_can_look_at_has_failed(api: Api, agent: EarlierAgent) -> None:
    task_id = api.task(1, "code:rust")
    agent.dequeues()
    assert said_by(agent.completes(task_id, "partial"))["state"] == "queued"


def test_what_it_does_not_hold_it_cannot_report_on(api: Api, agent: EarlierAgent) -> None:
    task_id = api.task(1, "code:rust")
    for answer in (agent.reports(task_id), agent.completes(task_id, "completed")):
        assert answer.status_code == 409
        assert said_by(answer)["error"] == said_by(answer)["detail"]
    assert agent.hands_in(task_id, "completed").status_code == 409


def test_a_task_it_lost_comes_back_only_after_it_registers_anew(
    api: Api, agent: EarlierAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = api.task(1, "code:rust")
    agent.dequeues()
    later = api.fleet.clock() + api.fleet.lease_secs + 1
    monkeypatch.setattr(api.fleet, "clock", lambda: later)
    clocks.tick(api.fleet)
    agent.beats()
    assert agent.dequeues().status_code == 204
    agent.registers()
    assert said_by(agent.dequeues())["task"]["task_id"] == task_id


def test_an_unknown_agent_is_404(api: Api) -> None:
    answer = EarlierAgent(api, "nobody").beats()
    assert answer.status_code == 404
    assert said_by(answer)["error"]


def test_health_is_a_word(api: Api) -> None:
    answer = api.client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")
