"""Jobs of Actions at the door: what a session may do, and nudges."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from bot.settings import Actions, ActionsRule, HostAgent, HostEntry
from bot.standin import Standin
from bot.standin.workflows import Run
from bot.store import job_sessions, workflow_runs
from bot.store.job_sessions import JobSession
from tests.unit.web.conftest import ENROLMENT, SECRET, Api, said_by, serving, settings


def session(api: Api, role: str = "write", repository: str = "ann/demo", agent: str = "", **more: object) -> str:
    given = {"run_id": 19, "task_id": "", "fence": 0, "claim_id": "", **more}
    made = JobSession(role, agent, repository, 1, expires_at=api.fleet.clock() + 900, **given)  # type: ignore[arg-type]
    return api.fleet.store.write(lambda sql: job_sessions.open_one(sql, made))


def started(forge: Standin) -> Run:
    repo = forge.find("ann/demo")
    assert repo is not None
    repo.protect("main", push=True, contexts=[])
    made = Run(repo, 19, 1, "nightly.yml", "main", "0" * 40, forge.person("ann"), {}, forge.now(), event="schedule")
    forge.runs[19] = made
    return made


def test_an_id_token_becomes_a_session_that_may_act(tmp_path: Path, forge: Standin) -> None:
    made = settings(tmp_path, forge.url, forge.person("fleet-bot").token)
    allowed = Actions(allow=[ActionsRule(repository="ann/demo", events=["schedule"])])
    with serving(made.model_copy(update={"actions": allowed})) as api:
        token = forge.signer.sign(started(forge).claims("agent-fleet"))
        answer = api.call("POST", "/actions/session", {}, token)
        assert answer.status_code == 201, answer.text
        assert (said_by(answer)["role"], said_by(answer)["repo"]) == ("write", "ann/demo")
        task = api.task(1)
        shown = api.call("GET", f"/tasks/{task}", token=said_by(answer)["token"])
        assert said_by(shown)["task_id"] == task
        again = api.call("POST", "/actions/session", {}, token)
        assert (again.status_code, said_by(again)["kind"]) == (401, "id_token_replayed")
        assert api.call("GET", f"/tasks/{task}", token=token[:500]).status_code == 401


def test_an_id_token_that_is_none_says_how_to_get_one(api: Api) -> None:
    answer = api.call("POST", "/actions/session", {}, "afo_operator")
    assert answer.status_code == 401
    assert "enable-openid-connect" in said_by(answer)["fix"]
    assert "Forgejo 15" in said_by(answer)["fix"]
    assert api.call("POST", "/actions/session", {}).status_code == 401
    assert api.call("POST", "/actions/session", b"[", "x.y.z").status_code == 400


def test_a_job_keeps_to_its_repository(api: Api) -> None:
    task, mine, others = api.task(1), session(api), session(api, repository="zoe/web")
    assert api.call("GET", f"/tasks/{task}", token=mine).status_code == 200
    assert api.call("POST", f"/tasks/{task}/hold", {}, mine).status_code == 200
    assert api.call("GET", "/tasks?repo=ann/demo", token=mine).status_code == 200
    for method, path, body in (
        ("GET", f"/tasks/{task}", None),
        ("POST", f"/tasks/{task}/cancel", {}),
        ("GET", "/tasks?repo=ann/demo", None),
        ("POST", "/tasks", {"repo": "ann/demo", "issue": 1}),
        ("POST", "/nudge", {"repo": "ann/demo", "issue": 1}),
    ):
        answer = api.call(method, path, body, others, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, said_by(answer)["kind"]) == (403, "not_yours"), path
        assert "may only act on `zoe/web`" in said_by(answer)["detail"]
    for path in ("/tasks", "/agents", "/fleet"):
        assert said_by(api.call("GET", path, token=mine))["kind"] == "not_for_jobs", path
    read = session(api, "read")
    assert said_by(api.call("POST", f"/tasks/{task}/cancel", {}, read))["kind"] == "forbidden"


def test_an_agents_job_registers_under_its_own_name(api: Api) -> None:
    api.task(1)
    token = session(api, "agent", agent="actions:ann/demo:19")
    said = {"agent_id": "actions:ann/demo:19", "agent_type": "exec"}
    assert api.call("POST", "/agents/register", said, token).status_code == 201
    assert api.call("POST", "/agents/register", {**said, "agent_id": "gpu-1"}, token).status_code == 403
    assert api.call("POST", "/tasks/dequeue", {}, token).status_code == 200
    elsewhere = session(api, "agent", "zoe/web", "actions:zoe/web:19")
    said = {"agent_id": "actions:zoe/web:19", "agent_type": "exec"}
    assert api.call("POST", "/agents/register", said, elsewhere).status_code == 201
    api.task(2)
    assert api.call("POST", "/tasks/dequeue", {}, elsewhere).status_code == 204, "tasks of other repositories"


def test_a_job_that_was_started_for_one_attempt_can_do_nothing_else(api: Api) -> None:
    agent, one, two = api.agent("runner-1"), api.task(1), api.task(2)
    first, fence = api.claimed("runner-1", agent)
    assert first == one
    token = session(api, "agent", agent="runner-1", task_id=one, fence=fence, claim_id="c1")
    assert api.call("POST", f"/tasks/{one}/status", {"fence": fence, "seq": 1}, token).status_code == 200
    for path, body in (
        (f"/tasks/{two}/status", {"fence": fence, "seq": 1}),
        (f"/tasks/{one}/status", {"fence": fence + 1, "seq": 1}),
        (f"/tasks/{two}/complete", {"fence": 1, "outcome": "failed"}),
        ("/receipts", {"task_id": two, "fence": 1, "receipt": {}}),
    ):
        answer = api.call("POST", path, body, token)
        assert (answer.status_code, said_by(answer)["kind"]) == (403, "not_yours"), path
    for path in ("/agents/register", "/tasks"):
        answer = api.call("POST", path, {"agent_id": "runner-1", "agent_type": "exec"}, token)
        assert answer.status_code == 403, path
    assert api.call("POST", "/tasks/dequeue", {"claim_id": "other"}, token).status_code == 204, "nothing but its claim"


def test_a_nudge_is_believed_in_nothing(forged: Api) -> None:
    body = json.dumps({"repo": "ann/demo", "issue": 1}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()

    def nudge(signed: str, what: bytes = body) -> int:
        return forged.call("POST", "/signed-nudge", what, headers={"Agent-Fleet-Signature": signed}).status_code

    assert nudge(signature) == 202
    assert nudge("") == 403
    assert nudge("0" * 64) == 403
    assert nudge(signature, body + b" ") == 403
    assert forged.call("POST", "/nudge", {"repo": "ann/demo", "issue": 1}, forged.token("write")).status_code == 202
    assert forged.call("POST", "/nudge", {"repo": "ann/none", "issue": 1}, forged.token("write")).status_code == 404


@pytest.mark.parametrize("body", [{"run_id": 7}, {}])
def test_a_run_that_is_followed_must_be_there(forged: Api, body: dict[str, int]) -> None:
    task = forged.task(1)
    answer = forged.call("POST", f"/tasks/{task}/follow", body, forged.token("write"))
    assert answer.status_code == (404 if body else 422)


def test_a_job_is_followed_itself(forged: Api, forge: Standin) -> None:
    run, task = started(forge), forged.task(1)
    answer = forged.call("POST", f"/tasks/{task}/follow", {"run_id": 4711}, session(forged))
    assert (answer.status_code, said_by(answer)) == (200, {"task_id": task, "run_id": run.id})
    assert forged.fleet.read(workflow_runs.followed)[0].asked_by == "actions:ann/demo:19"


def test_the_enrolment_token_cannot_play_a_job_of_ours(tmp_path: Path) -> None:

    runners = HostEntry(host_id="runners", mode="actions", agents=[HostAgent(agent_type="exec")])
    with serving(settings(tmp_path, "http://127.0.0.1:1").model_copy(update={"hosts": [runners]})) as api:
        said = {"agent_id": "runners.exec", "agent_type": "exec"}
        assert api.call("POST", "/agents/register", said, ENROLMENT).status_code == 403
        own = api.token("agent", "runners.exec")
        assert api.call("POST", "/agents/register", said, own).status_code == 403, "it stands in the configuration"
        assert api.call("POST", "/tasks/dequeue", {}, own).status_code == 404, "not registered by the worker yet"
