"""What can be made to go wrong, and what the forge remembers of it."""

import threading

import pytest
import requests

from bot.standin import Repository, Standin
from tests.contract.hooked import mailbox


def post(forge: Standin, path: str, body: object) -> requests.Response:
    headers = {"Authorization": f"token {forge.person('ann').token}"}
    return requests.post(f"{forge.url}/api/v1{path}", json=body, headers=headers, timeout=5)


def test_a_write_can_fail_before_it_is_done(forge: Standin, repo: Repository) -> None:
    issue = repo.open_issue(forge.person("ann"), "one")
    forge.faults.fails("POST", "*/comments", status=502)
    assert post(forge, "/repos/ann/demo/issues/1/comments", {"body": "x"}).status_code == 502
    assert not issue.comments
    assert post(forge, "/repos/ann/demo/issues/1/comments", {"body": "x"}).status_code == 201


def test_a_write_can_be_done_although_its_answer_is_lost(forge: Standin, repo: Repository) -> None:
    issue = repo.open_issue(forge.person("ann"), "one")
    forge.faults.fails("POST", "*/comments", status=504, applied=True)
    assert post(forge, "/repos/ann/demo/issues/1/comments", {"body": "x"}).status_code == 504
    assert [comment.body for comment in issue.comments] == ["x"]


def test_a_forge_that_is_down_closes_connections_or_answers_503(forge: Standin) -> None:
    forge.faults.goes_down()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{forge.url}/api/v1/version", timeout=5)
    forge.faults.goes_down(answering=True)
    assert requests.get(f"{forge.url}/api/v1/version", timeout=5).status_code == 503
    forge.faults.comes_back()
    assert requests.get(f"{forge.url}/api/v1/version", timeout=5).ok


def test_a_slow_request_is_let_go_when_the_forge_comes_back(forge: Standin) -> None:
    forge.faults.is_slow(60, "*/version")
    answers: list[int] = []
    url = f"{forge.url}/api/v1/version"
    asking = threading.Thread(target=lambda: answers.append(requests.get(url, timeout=30).status_code))
    asking.start()
    forge.faults.comes_back()
    asking.join(20)
    assert answers == [200]


def test_the_forge_remembers_what_it_was_asked(forge: Standin, repo: Repository) -> None:
    post(forge, "/repos/ann/demo/labels", {"name": "a", "color": "#fff"})
    (call,) = forge.calls("POST", "/labels")
    assert (call.login, call.status, b'"a"' in call.body) == ("ann", 201, True)


def test_deliveries_can_be_lost_doubled_and_held_back(forge: Standin, repo: Repository) -> None:
    ann = forge.person("ann")
    with mailbox() as box:
        repo.hook(box.url, events=["issues_only"])
        forge.faults.loses_deliveries()
        forge.faults.doubles_deliveries()
        forge.faults.reorders_deliveries()
        for title in ("lost", "twice", "late", "early"):
            repo.open_issue(ann, title)
        forge.deliveries.deliver_all()
        titles = [arrival.body.split(b'"title": "')[1].split(b'"')[0] for arrival in box.arrived]
        ids = {arrival.headers["X-Forgejo-Delivery"] for arrival in box.arrived}
    assert titles == [b"twice", b"twice", b"early", b"late"]
    assert len(ids) == 4
    assert [delivery.lost for delivery in forge.deliveries.failed] == [True]
