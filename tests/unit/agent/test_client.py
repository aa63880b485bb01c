"""The wire's edges: what each answer, and each missing one, is taken for."""

import threading
from pathlib import Path

import pytest
import requests
import responses
from responses import matchers

from bot.agent.client import Claim, Client, NoWork
from bot.agent.patience import GivenUp, Patience
from bot.core.errors import Refused, Unavailable

API = "http://fleet.example/api/v1"
CLAIM = Claim({"task_id": "t/1"}, 3)


def client() -> Client:
    return Client("http://fleet.example/", "me", lambda: "aft_token")


@responses.activate
def test_the_token_goes_along_and_ids_are_quoted() -> None:
    responses.post(
        f"{API}/tasks/t%2F1/status",
        json={"cancel": False},
        match=[
            matchers.header_matcher({"Authorization": "Bearer aft_token"}),
            matchers.json_params_matcher({"agent_id": "me", "fence": 3, "seq": 1}),
        ],
    )
    assert client().status(CLAIM, {"seq": 1}) == {"cancel": False}


@responses.activate
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_trouble_is_unavailable_and_may_have_taken_effect(status: int) -> None:
    responses.post(f"{API}/agents/deregister", status=status, headers={"Retry-After": "7"})
    with pytest.raises(Unavailable) as away:
        client().deregister("bye")
    assert (away.value.retry_after, away.value.ambiguous) == (7.0, True)


@responses.activate
@pytest.mark.parametrize("error", [requests.ConnectionError("refused"), requests.Timeout("slow")])
def test_no_answer_is_unavailable(error: Exception) -> None:
    responses.post(f"{API}/agents/heartbeat", body=error)
    with pytest.raises(Unavailable, match="cannot be reached"):
        client().heartbeat([])


@responses.activate
def test_a_refusal_keeps_the_servers_words() -> None:
    body = {"type": "about:blank#r6", "detail": "It is protected.", "fix": "Leave it.", "status": 422}
    responses.post(f"{API}/tasks/t%2F1/complete", json=body, status=422)
    with pytest.raises(Refused) as refused:
        client().complete(CLAIM, {})
    said = refused.value
    assert (said.status, said.kind, said.reason, said.fix) == (422, "r6", "It is protected.", "Leave it.")


@responses.activate
@pytest.mark.parametrize("body", ["<html>", "[]", '{"error": "earlier words"}'])
def test_a_refusal_without_problem_json(body: str) -> None:
    responses.post(f"{API}/tasks/t%2F1/complete", body=body, status=409)
    with pytest.raises(Refused) as refused:
        client().complete(CLAIM, {})
    assert refused.value.status == 409
    assert "earlier words" in refused.value.reason or "HTTP 409" in refused.value.reason


@responses.activate
def test_a_redirect_is_not_followed_because_the_token_would_be() -> None:
    responses.post(f"{API}/agents/heartbeat", status=302, headers={"Location": "http://elsewhere.example/"})
    with pytest.raises(Refused):
        client().heartbeat([])
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"task": {}, "fence": 1}', '{"task": {"task_id": "t"}}'])
def test_what_is_no_claim_is_asked_for_again(body: str) -> None:
    responses.post(f"{API}/tasks/dequeue", body=body)
    with pytest.raises(Unavailable, match="does not speak as an Agent Fleet server"):
        client().dequeue("c", 1)


@responses.activate
def test_no_work_says_when_to_ask_again() -> None:
    responses.post(f"{API}/tasks/dequeue", status=204, headers={"Retry-After": "30"})
    assert client().dequeue("c", 1) == NoWork(30.0)


@responses.activate
def test_a_source_without_its_commit_is_no_source(tmp_path: Path) -> None:
    responses.get(f"{API}/tasks/t%2F1/source", body=b"x")
    with pytest.raises(Unavailable):
        client().source(CLAIM, None, tmp_path / "bundle")


@responses.activate
def test_a_bundle_is_sent_with_its_length(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_bytes(b"12345")
    expected = {"Content-Length": "5", "Content-Type": "application/x-git-bundle"}
    responses.post(f"{API}/tasks/t%2F1/result", json={}, match=[matchers.header_matcher(expected)])
    client().result(CLAIM, tmp_path / "bundle")
    assert "Transfer-Encoding" not in responses.calls[0].request.headers


@pytest.mark.parametrize("url", ["", "fleet", "ftp://x", "http://u:p@x", "http://x/?a=b", "http://"])
def test_what_is_no_server(url: str) -> None:
    with pytest.raises(Refused) as refused:
        Client(url, "me", lambda: "t")
    assert "u:p" not in str(refused.value)


def troubles(*retry_after: float | None) -> list[Exception]:
    return [Unavailable("away", after) for after in retry_after]


def waited(given: list[Exception], chance: float, at_most: float | None = None) -> list[float]:
    """The pauses made until the troubles are over."""
    pauses: list[float] = []

    def call() -> str:
        if given:
            raise given.pop(0)
        return "done"

    def wait(secs: float) -> bool:
        pauses.append(secs)
        return False

    patience = Patience(threading.Event(), wait=wait, chance=lambda: chance)
    assert patience.insist(call, at_most) == "done"
    return pauses


def test_pauses_grow_to_a_minute_and_are_jittered() -> None:
    longest = waited(troubles(*[None] * 10), 1.0)
    assert longest == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert waited(troubles(*[None] * 10), 0.0) == [secs / 2 for secs in longest]


def test_retry_after_is_the_least() -> None:
    assert waited(troubles(20), 1.0) == [20.5]
    assert waited(troubles(0), 1.0) == [0.0]
    assert waited(troubles(1_000_000), 0.0) == [600.25]


def test_patience_may_be_limited() -> None:
    with pytest.raises(Unavailable):
        waited(troubles(20, 20, 20), 0.0, at_most=45)


def test_patience_ends_with_its_purpose() -> None:
    over = threading.Event()

    def call() -> None:
        over.set()
        raise Unavailable("away")

    with pytest.raises(GivenUp):
        Patience(over).insist(call)
