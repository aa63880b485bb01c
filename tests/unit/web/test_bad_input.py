"""Whatever is sent: a clear 4xx as problem+json, never a 5xx, and nothing is stored."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from werkzeug.test import TestResponse

from bot.store import agents
from bot.web.answers import PROBLEM
from bot.web.application import ROOMS
from bot.web.endpoint import Endpoint
from bot.web.strict_json import MAX_DEPTH
from tests.unit.store.test_log import tampered
from tests.unit.web.conftest import ENROLMENT, Api, said_by, serving, settings

GOOD: Final = {"agent_id": "gpu-1", "agent_type": "exec", "capabilities": ["python"]}

#: What no JSON call takes, whatever it is about: (name, body, status).
MALFORMED: Final[list[tuple[str, bytes, int]]] = [
    ("nothing", b"", 400),
    ("garbage", b"\x00\xff\xfe garbage", 400),
    ("not json", b"{'agent_id': 1}", 400),
    ("cut short", b'{"agent_id": "gpu', 400),
    ("two values", b"{} {}", 400),
    ("a list", b"[]", 400),
    ("a text", b'"agent"', 400),
    ("null", b"null", 400),
    ("deep lists", b'{"meta": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    ("deep objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    ("a little too deep", b'{"meta": {"a": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}}", 400),
    ("a lone surrogate", b'{"agent_id": "gpu-1", "agent_type": "\\ud800", "capabilities": []}', 400),
    ("a lone surrogate as key", b'{"\\udfff": 1}', 400),
    ("NUL", b'{"agent_id": "gpu\\u0000-1", "agent_type": "exec", "capabilities": []}', 400),
    ("NUL deep inside", b'{"meta": {"a": [{"b": "\\u0000"}]}}', 400),
    ("invalid UTF-8", b'{"agent_id": "gpu-\xff"}', 400),
    ("an encoded surrogate", b'{"agent_id": "\xed\xa0\x80"}', 400),
    ("UTF-16", json.dumps(GOOD).encode("utf-16"), 400),
    ("UTF-16 without mark", json.dumps(GOOD).encode("utf-16-le"), 400),
    ("UTF-32", json.dumps(GOOD).encode("utf-32"), 400),
    ("a byte order mark", b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), 400),
    ("NaN", b'{"load": NaN}', 400),
    ("Infinity", b'{"load": -Infinity}', 400),
    ("1e400", b'{"load": 1e400}', 400),
    ("an integer beyond 64 bits", b'{"max_concurrency": 9223372036854775808}', 400),
    ("a negative one", b'{"max_concurrency": -9223372036854775809}', 400),
    ("5000 digits", b'{"max_concurrency": ' + b"9" * 5000 + b"}", 400),
    ("a float of 5000 digits", b'{"load": 0.' + b"9" * 5000 + b"}", 400),
    ("a key twice", b'{"agent_id": "a", "agent_id": "b"}', 400),
    ("too large", b'{"agent_id": "' + b"a" * (2 * 1024 * 1024) + b'"}', 413),
]

#: (path, body without agent_id, the field that is wrong)
WRONG: Final[list[tuple[str, Any, str]]] = [
    ("/agents/register", GOOD | {"agent_id": 5}, "agent_id"),
    ("/agents/register", GOOD | {"agent_id": ""}, "agent_id"),
    ("/agents/register", GOOD | {"agent_id": "a b"}, "agent_id"),
    ("/agents/register", GOOD | {"agent_id": "a\n"}, "agent_id"),
    ("/agents/register", GOOD | {"agent_id": "@ann"}, "agent_id"),
    ("/agents/register", GOOD | {"agent_id": "x" * 129}, "agent_id"),
    ("/agents/register", GOOD | {"agent_id": None}, "agent_id"),
    ("/agents/register", GOOD | {"agent_type": "a/b"}, "agent_type"),
    ("/agents/register", {"agent_id": "gpu-1"}, "agent_type"),
    ("/agents/register", GOOD | {"capabilities": "python"}, "capabilities"),
    ("/agents/register", GOOD | {"capabilities": [1]}, "capabilities.0"),
    ("/agents/register", GOOD | {"capabilities": ["a\u202eb"]}, "capabilities.0"),
    ("/agents/register", GOOD | {"capabilities": ["x"] * 101}, "capabilities"),
    ("/agents/register", GOOD | {"max_concurrency": 0}, "max_concurrency"),
    ("/agents/register", GOOD | {"max_concurrency": -1}, "max_concurrency"),
    ("/agents/register", GOOD | {"max_concurrency": 2**62}, "max_concurrency"),
    ("/agents/register", GOOD | {"max_concurrency": True}, "max_concurrency"),
    ("/agents/register", GOOD | {"max_concurrency": 1.5}, "max_concurrency"),
    ("/agents/register", GOOD | {"max_concurrency": "1"}, "max_concurrency"),
    ("/agents/register", GOOD | {"meta": []}, "meta"),
    ("/agents/heartbeat", {"agent_id": "gpu-1", "running": {}}, "running"),
    ("/agents/heartbeat", {"agent_id": "gpu-1", "running": [{"task_id": "t"}]}, "running.0.fence"),
    ("/agents/heartbeat", {"agent_id": "gpu-1", "running": [{"task_id": "t", "fence": -1}]}, "running.0.fence"),
    ("/tasks/dequeue", {"agent_id": "gpu-1", "wait_secs": 26}, "wait_secs"),
    ("/tasks/dequeue", {"agent_id": "gpu-1", "wait_secs": -1}, "wait_secs"),
    ("/tasks/dequeue", {"agent_id": "gpu-1", "wait_secs": "5"}, "wait_secs"),
    ("/tasks/dequeue", {"agent_id": "gpu-1", "claim_id": "a\nb"}, "claim_id"),
    ("/tasks/t/status", {"agent_id": "gpu-1", "fence": 0}, "fence"),
    ("/tasks/t/status", {"agent_id": "gpu-1", "fence": 1, "status": "asleep"}, "status"),
    ("/tasks/t/status", {"agent_id": "gpu-1", "fence": 1, "seq": -1}, "seq"),
    ("/tasks/t/status", {"agent_id": "gpu-1", "fence": 1, "log": {"offset": -1, "text": ""}}, "log.offset"),
    ("/tasks/t/status", {"agent_id": "gpu-1", "fence": 1, "checklist": ["a"]}, "checklist.0"),
    ("/tasks/t/complete", {"agent_id": "gpu-1", "fence": 1}, ""),
    ("/tasks/t/complete", {"agent_id": "gpu-1", "fence": 1, "outcome": "fine"}, "outcome"),
    ("/tasks/t/complete", {"agent_id": "gpu-1", "fence": 1, "outcome": "done", "receipt": []}, "receipt"),
    ("/receipts", {"agent_id": "gpu-1", "task_id": "t", "fence": 1}, ""),
]


def is_problem(answer: TestResponse, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.content_type == PROBLEM
    said = said_by(answer)
    assert said["status"] == status
    assert said["detail"] == said["error"]
    assert len(said["detail"]) > 20
    assert "Traceback" not in answer.text
    assert answer.headers["Agent-Fleet-Version"]


def nothing_is_stored(api: Api) -> None:
    assert api.fleet.read(agents.listed) == []
    assert api.fleet.read(lambda sql: sql.value("SELECT count(*) FROM event")) == 0


@pytest.mark.parametrize(("body", "status"), [m[1:] for m in MALFORMED], ids=[m[0] for m in MALFORMED])
@pytest.mark.parametrize("path", ["/agents/register", "/tasks/dequeue", "/receipts"])
def test_malformed_bodies_are_refused(api: Api, path: str, body: bytes, status: int) -> None:
    if path == "/tasks/dequeue" and not body:
        status = 422  # it has no required member, so no body is an empty object, which names no agent
    is_problem(api.call("POST", path, body, ENROLMENT), status)
    nothing_is_stored(api)


@pytest.mark.parametrize(("path", "body", "field"), WRONG)
def test_wrong_fields_are_named(api: Api, path: str, body: Any, field: str) -> None:
    answer = api.call("POST", path, body, ENROLMENT)
    is_problem(answer, 422)
    assert field in [error["field"] for error in said_by(answer)["errors"]]
    assert all(error["message"] for error in said_by(answer)["errors"])
    nothing_is_stored(api)


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"]
)
def test_another_content_type_is_refused(api: Api, kind: str) -> None:
    is_problem(api.call("POST", "/agents/register", GOOD, ENROLMENT, content_type=kind), 415)
    nothing_is_stored(api)


def test_chunked_bodies_are_refused(api: Api) -> None:
    for path in ("/agents/register", "/webhooks/forgejo", "/tasks/t/result"):
        answer = api.call("POST", path, GOOD, ENROLMENT, headers={"Transfer-Encoding": "chunked"})
        is_problem(answer, 411)
    nothing_is_stored(api)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=" + "9" * 400, "state=asleep", "issue=0", "issue=1e9",
     "since=yesterday", "since=2026-01-01T00:00:00", "repo=ann", "repo=../..", "cursor=%00", "cursor=a%20b",
     "label=%00", "agent_id=a%0ab"],
)  # fmt: skip
def test_wrong_queries_are_refused(api: Api, query: str) -> None:
    answer = api.call("GET", f"/tasks?{query}", token=api.token("read"))
    assert answer.status_code in (400, 422)
    is_problem(answer, answer.status_code)


@pytest.mark.parametrize("task_id", ["t_none", "%00", "%ed%a0%80", "%2e%2e", "x" * 3000, "' OR 1=1 --", "🦊"])
def test_unknown_tasks_are_not_found(api: Api, task_id: str) -> None:
    for path in ("", "/events", "/attempts", "/log", "/receipts"):
        is_problem(api.call("GET", f"/tasks/{task_id}{path}", token=api.token("read")), 404)
    for path in ("retry", "cancel", "hold", "unhold"):
        is_problem(api.call("POST", f"/tasks/{task_id}/{path}", {}, api.token("write")), 404)


def test_unknown_agents_are_told_to_register(api: Api) -> None:
    token = api.token(agent="ghost")
    for path in ("/agents/heartbeat", "/agents/deregister", "/tasks/dequeue"):
        answer = api.call("POST", path, {"agent_id": "ghost"}, token)
        is_problem(answer, 404)
        assert "register" in said_by(answer)["fix"]


def test_unknown_addresses_and_methods(api: Api) -> None:
    is_problem(api.call("GET", "/nothing"), 404)
    answer = api.call("DELETE", "/agents")
    is_problem(answer, 405)
    assert "GET" in answer.headers["Allow"]
    is_problem(api.call("OPTIONS", "/agents/register"), 405)


def test_a_slash_at_the_end_is_no_redirect(api: Api) -> None:
    assert api.call("POST", "/agents/register/", GOOD, ENROLMENT).status_code == 201


def test_unknown_members_are_ignored_and_listed(api: Api) -> None:
    answer = api.call("POST", "/agents/register", GOOD | {"colour": "red", "a,\r\nb": 1}, ENROLMENT)
    assert answer.status_code == 201
    assert answer.headers["Agent-Fleet-Ignored"] == "a???b, colour"


def test_a_stale_fence_changes_nothing(api: Api) -> None:
    token = api.agent("gpu-1")
    task_id = api.task()
    assert api.claimed("gpu-1", token) == (task_id, 1)
    for path, body in (("status", {"seq": 1}), ("complete", {"outcome": "failed"})):
        answer = api.call("POST", f"/tasks/{task_id}/{path}", {"agent_id": "gpu-1", "fence": 7, **body}, token)
        is_problem(answer, 409)
        assert "stale fence" in said_by(answer)["detail"]
    assert said_by(api.call("GET", f"/tasks/{task_id}", token=token))["state"] == "assigned"


def test_a_result_of_another_kind_is_refused(api: Api) -> None:
    token = api.agent("gpu-1")
    api.task()
    task_id, _ = api.claimed("gpu-1", token)
    path = f"/tasks/{task_id}/result?fence=1"
    is_problem(api.call("POST", path, b"{}", token), 415)
    answer = api.call("POST", path, b"no bundle", token, content_type="application/x-git-bundle")
    is_problem(answer, 422)  # the source was never fetched
    assert list((api.fleet.data_dir / "incoming").iterdir()) == []


def test_a_result_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with serving(settings(tmp_path, max_result_bytes=1024)) as api:
        token = api.agent("gpu-1")
        api.task()
        task_id, _ = api.claimed("gpu-1", token)
        sent = {"content_type": "application/x-git-bundle"}
        is_problem(api.call("POST", f"/tasks/{task_id}/result?fence=1", b"x" * 1025, token, **sent), 413)


def test_a_bug_is_a_reference_not_a_traceback(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise KeyError("a secret of the inside")

    monkeypatch.setattr(agents, "listed", breaks)
    answer = api.call("GET", "/agents", token=api.token("read"))
    is_problem(answer, 500)
    assert "secret" not in answer.text


def test_a_forge_that_does_not_answer_is_unavailable(api: Api) -> None:
    body = {"repo": "ann/demo", "issue": 1}
    answer = api.call("POST", "/tasks", body, api.token("write"), headers={"Idempotency-Key": "k"})
    is_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0


def _with_body() -> list[Endpoint]:
    return [e for room in ROOMS for e in room.all if e.said is not None]


@pytest.mark.parametrize("endpoint", _with_body(), ids=lambda e: e.name)
def test_no_call_fails_on_bad_input(api: Api, endpoint: Endpoint) -> None:
    token = api.token("admin") if "operator" in endpoint.may.value else ENROLMENT
    path = endpoint.path.removeprefix("/api/v1").replace("<task_id>", "t_1")
    for body in [m[1] for m in MALFORMED if m[1] and m[2] == 400]:
        is_problem(api.call(endpoint.method, path, body, token, headers={"Idempotency-Key": "k"}), 400)


def test_a_damaged_event_is_told_as_damage(api: Api) -> None:
    task_id = api.task()
    tampered(api.fleet.store.where, "UPDATE event SET data = substr(data, 2)")
    answer = api.call("GET", f"/tasks/{task_id}/events", token=api.token("admin"))
    assert (answer.status_code, said_by(answer)["kind"]) == (500, "damaged_log")
    assert f"Event 1 of task {task_id} cannot be read: its text is no JSON." in answer.text
