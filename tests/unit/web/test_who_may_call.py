"""Every call against every kind of caller; the expectation is a table of its own, not the code's."""

import re
from pathlib import Path
from typing import Final

import pytest

from bot.store import tokens
from bot.web.application import ROOMS
from tests.unit.web.conftest import ENROLMENT, Api, said_by, serving, settings

#: Who gets past the door: a = an agent's token, e = the enrolment token, r w d = operators read, write, admin;
#: J = nobody but jobs with an id token.
TABLE: Final = {
    "POST /api/v1/webhooks/forgejo": "open",
    "GET /healthz": "open",
    "GET /readyz": "open",
    "GET /skill.md": "open",
    "GET /metrics": "rwd",
    "GET /api/v1": "aerwd",
    "GET /api/v1/openapi.json": "aerwd",
    "POST /api/v1/agents/register": "ae",
    "POST /api/v1/agents/heartbeat": "ae",
    "POST /api/v1/agents/deregister": "ae",
    "POST /api/v1/tasks/dequeue": "ae",
    "POST /api/v1/tasks/<task_id>/status": "ae",
    "GET /api/v1/tasks/<task_id>/source": "ae",
    "POST /api/v1/tasks/<task_id>/result": "ae",
    "POST /api/v1/tasks/<task_id>/complete": "ae",
    "POST /api/v1/receipts": "ae",
    "GET /api/v1/agents": "rwd",
    "GET /api/v1/tasks": "rwd",
    "GET /api/v1/fleet": "rwd",
    "POST /api/v1/fleet/pause": "d",
    "POST /api/v1/fleet/resume": "d",
    "POST /api/v1/fleet/halt": "d",
    "GET /api/v1/tasks/<task_id>": "aerwd",
    "GET /api/v1/tasks/<task_id>/events": "aerwd",
    "GET /api/v1/tasks/<task_id>/attempts": "aerwd",
    "GET /api/v1/tasks/<task_id>/log": "aerwd",
    "GET /api/v1/tasks/<task_id>/prompt": "rwd",
    "GET /api/v1/tasks/<task_id>/receipts": "aerwd",
    "GET /api/v1/receipts/<receipt_id>": "aerwd",
    "GET /api/v1/tasks/<task_id>/signed-receipts": "aerwd",
    "GET /.well-known/agent-fleet-receipt-keys": "open",
    "PUT /api/v1/tasks/<task_id>/artifacts/<name>": "ae",
    "GET /api/v1/tasks/<task_id>/artifacts/<name>": "aerwd",
    "POST /api/v1/tasks/<task_id>/follow-ups": "ae",
    "GET /api/v1/tasks/<task_id>/follow-ups": "aerwd",
    "POST /api/v1/tasks": "wd",
    "POST /api/v1/tasks/<task_id>/retry": "wd",
    "POST /api/v1/tasks/<task_id>/cancel": "wd",
    "POST /api/v1/tasks/<task_id>/hold": "wd",
    "POST /api/v1/tasks/<task_id>/unhold": "wd",
    "POST /api/v1/tasks/<task_id>/assign": "wd",
    "POST /api/v1/tasks/<task_id>/say": "wd",
    "POST /api/v1/tasks/<task_id>/follow": "wd",
    "POST /api/v1/nudge": "wd",
    "POST /api/v1/signed-nudge": "open",
    "POST /api/v1/actions/session": "J",
}
CALLERS: Final = {"a": "agent", "e": "enrolment", "r": "read", "w": "write", "d": "admin"}


def test_the_table_is_complete() -> None:
    assert {f"{e.method} {e.path}" for room in ROOMS for e in room.all} == set(TABLE)


def test_a_stranger_sees_no_page_but_those_that_the_security_page_names(api: Api) -> None:
    pages = {re.sub(r"<(?:[^>:]*:)?([^>]*)>", r"\1", str(rule)) for rule in api.client.application.url_map.iter_rules()}
    closed = (302, 303, 401, 403, 404, 405)
    seen = {page for page in pages if api.client.get(page).status_code not in closed}
    assert seen == {
        *("/healthz", "/readyz", "/skill.md", "/.well-known/agent-fleet-receipt-keys"),
        *("/login", "/favicon.ico", "/feed.atom", "/badge/owner/name.svg"),
    }  # assets of no such name are 404


@pytest.mark.parametrize("call", sorted(TABLE))
def test_who_gets_in(api: Api, call: str) -> None:
    method, _, path = call.partition(" ")
    path = path.replace("<task_id>", "t_none").replace("<receipt_id>", "rcp_none").replace("<name>", "a.txt")
    expected = TABLE[call]
    secrets = {k: api.token(role, "gpu-1" if role == "agent" else "") for k, role in CALLERS.items() if k != "e"}
    for key, secret in {**secrets, "e": ENROLMENT}.items():
        answer = api.client.open(path, method=method, headers={"Authorization": f"Bearer {secret}"})
        if expected == "J":
            assert answer.status_code == 401
        elif expected == "open" or key in expected:
            assert answer.status_code != 401
            assert expected == "open" or answer.status_code != 403 or said_by(answer)["kind"] != "forbidden"
        else:
            assert (answer.status_code, said_by(answer)["kind"]) == (403, "forbidden"), key
    for header in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer "}, {"Authorization": "Bearer nope"}):
        answer = api.client.open(path, method=method, headers=header)
        assert (answer.status_code == 401) == (expected != "open"), header
        if expected != "open":
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert expected == "J" or "agent-fleet tokens create" in said_by(answer)["fix"]


@pytest.mark.parametrize(
    "header", ["Bearer \xff\xfe", "Bearer " + "x" * 100_000, "Bearer aft_\x7f", "bearer\tx", "Bearer é" * 3]
)
def test_strange_tokens_are_unknown(api: Api, header: str) -> None:
    answer = api.client.get("/api/v1/agents", headers={"Authorization": header})
    assert answer.status_code == 401


def test_another_agents_id_is_refused(api: Api) -> None:
    mine, _ = api.agent("gpu-1"), api.agent("gpu-2")
    for path in ("/agents/heartbeat", "/agents/deregister", "/tasks/dequeue"):
        answer = api.call("POST", path, {"agent_id": "gpu-2"}, mine)
        assert (answer.status_code, said_by(answer)["kind"]) == (403, "not_yours")
    register = {"agent_id": "gpu-2", "agent_type": "exec"}
    assert api.call("POST", "/agents/register", register, mine).status_code == 403


def test_another_agents_task_is_refused(api: Api) -> None:
    mine, other = api.agent("gpu-1"), api.agent("gpu-2")
    api.task()
    task_id, fence = api.claimed("gpu-1", mine)
    said = {"fence": fence}
    assert api.call("POST", f"/tasks/{task_id}/status", said, other).status_code == 403
    assert api.call("POST", f"/tasks/{task_id}/complete", {**said, "outcome": "failed"}, other).status_code == 403
    receipt = {"task_id": task_id, "fence": fence, "receipt": {"a": 1}}
    assert api.call("POST", "/receipts", receipt, other).status_code == 403
    for path in ("", "/events", "/log"):
        assert api.call("GET", f"/tasks/{task_id}{path}", token=other).status_code == 403
        assert api.call("GET", f"/tasks/{task_id}{path}", token=mine).status_code == 200
    made = api.call("POST", "/receipts", receipt, mine)
    assert made.status_code == 201
    assert api.call("GET", f"/receipts/{said_by(made)['receipt_id']}", token=other).status_code == 403
    assert said_by(api.call("GET", f"/receipts/{said_by(made)['receipt_id']}", token=mine))["receipt"] == {"a": 1}


def test_a_token_serves_only_its_repositories(api: Api) -> None:
    api.agent("gpu-1")
    api.task()
    elsewhere = api.token(agent="gpu-1", repos=("other/*",))
    assert api.call("POST", "/tasks/dequeue", {}, elsewhere).status_code == 204
    here = api.token(agent="gpu-1", repos=("ann/*",))
    assert api.call("POST", "/tasks/dequeue", {}, here).status_code == 200


def test_expired_and_revoked_tokens_are_unknown(api: Api) -> None:
    old = api.token("read", expires_at=api.fleet.clock() - 1)
    gone = api.token("read")
    api.fleet.store.write(lambda sql: tokens.revoke(sql, gone[:12], api.fleet.clock()))
    for token in (old, gone):
        assert api.call("GET", "/agents", token=token).status_code == 401


def test_the_last_use_is_written_once_a_minute(api: Api) -> None:
    token = api.token("read")
    api.call("GET", "/agents", token=token)
    [first] = api.fleet.read(tokens.listed)
    api.call("GET", "/agents", token=token)
    [second] = api.fleet.read(tokens.listed)
    assert first.last_used_at == second.last_used_at > 0


def test_where_agents_need_tokens_of_their_own_the_shared_one_only_enrols(tmp_path: Path) -> None:
    with serving(settings(tmp_path, require_agent_tokens=True)) as api:
        token = api.agent("gpu-1")
        assert api.call("POST", "/tasks/dequeue", {"agent_id": "gpu-1"}, ENROLMENT).status_code == 403
        assert api.call("POST", "/tasks/dequeue", {}, token).status_code == 204
        again = api.call("POST", "/agents/register", {"agent_id": "gpu-1", "agent_type": "evil"}, ENROLMENT)
        assert (again.status_code, said_by(again)["kind"]) == (403, "has_own_token")


def test_a_lost_answer_to_registering_loses_nothing(api: Api) -> None:
    lost = api.agent("gpu-1")
    again = api.call("POST", "/agents/register", {"agent_id": "gpu-1", "agent_type": "exec"}, ENROLMENT)
    token = said_by(again)["agent_token"]
    assert api.call("POST", "/tasks/dequeue", {}, token).status_code == 204
    assert api.call("POST", "/tasks/dequeue", {}, lost).status_code == 401


def test_a_token_of_an_operator_is_not_replaced(api: Api) -> None:
    made = api.token(agent="gpu-1")
    answer = api.call("POST", "/agents/register", {"agent_id": "gpu-1", "agent_type": "exec"}, ENROLMENT)
    assert said_by(answer)["agent_token"] is None
    assert api.call("POST", "/tasks/dequeue", {}, made).status_code == 204


def test_a_token_is_handed_out_once(api: Api) -> None:
    token = api.agent("gpu-1")
    assert api.call("POST", "/tasks/dequeue", {}, token).status_code == 204
    again = api.call("POST", "/agents/register", {"agent_id": "gpu-1", "agent_type": "exec"}, ENROLMENT)
    assert (again.status_code, said_by(again)["agent_token"]) == (200, None)


def test_a_token_whose_answer_was_lost_is_replaced(api: Api) -> None:
    lost = api.agent("gpu-1")
    again = api.call("POST", "/agents/register", {"agent_id": "gpu-1", "agent_type": "exec"}, ENROLMENT)
    assert api.call("POST", "/tasks/dequeue", {}, said_by(again)["agent_token"]).status_code == 204
    assert api.call("POST", "/tasks/dequeue", {}, lost).status_code == 401


def test_a_new_wire_token_must_name_its_fence(api: Api) -> None:
    token = api.agent("gpu-1")
    api.task()
    task_id, _ = api.claimed("gpu-1", token)
    answer = api.call("POST", f"/tasks/{task_id}/status", {"seq": 1}, token)
    assert answer.status_code == 422
    assert said_by(answer)["errors"][0]["field"] == "fence"
