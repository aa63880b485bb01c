"""What the verbs make of a forge's answers, good, odd and none."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import responses

from bot.core.errors import Refused, Unavailable
from bot.core.facts import Account, Right
from bot.forge import Api, Forge, Missing, RepoRef

URL: Final = "http://forge.test"
LAB: Final = f"{URL}/api/v1/repos/ann/lab"
REF: Final = RepoRef(7, "ann/lab")
MARKER: Final = "<!-- fleet:v1:status:7:12 -->"
NOW: Final = datetime(2026, 11, 22, tzinfo=UTC).isoformat()


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def forge() -> Iterator[Forge]:
    made = Forge(Api(URL, "t0ken"), Account(9, "fleet-bot"))
    yield made
    made.close()


def user(number: int = 9, login: str = "fleet-bot") -> dict[str, Any]:
    return {"id": number, "login": login}


def comment(number: int, body: str, by: int = 9) -> dict[str, Any]:
    return {"id": number, "body": body, "user": user(by), "created_at": NOW, "updated_at": NOW, "html_url": "u"}


def pull(state: str = "open") -> dict[str, Any]:
    return {
        "number": 34,
        "state": state,
        "title": "t",
        "user": user(),
        "head": {"ref": "fleet/12"},
        "base": {"ref": "main"},
    }


def label(name: str) -> dict[str, Any]:
    return {"id": 1, "name": name, "color": "0288d1", "description": "", "exclusive": True}


def issue(*labels: str) -> dict[str, Any]:
    return {"number": 12, "title": "t", "state": "open", "user": user(), "labels": [label(x) for x in labels]}


def test_not_there_or_not_for_us_is_missing(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(f"{LAB}/issues/12", status=404, json={"message": "issue does not exist"})
    with pytest.raises(Missing) as missing:
        forge.issues.get(REF, 12)
    assert missing.value.status == 404


def test_the_token_goes_along_and_nothing_from_the_environment(
    net: responses.RequestsMock, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:1")
    net.get(f"{LAB}/issues/12", json=issue())
    forge.issues.get(REF, 12)
    assert net.calls[0].request.headers["Authorization"] == "token t0ken"


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_post_that_failed_may_have_happened(net: responses.RequestsMock, forge: Forge, status: int) -> None:
    net.post(f"{LAB}/issues", status=status, body="<html>oops</html>", content_type="text/html")
    with pytest.raises(Unavailable) as problem:
        forge.issues.open(REF, "t", "b")
    assert problem.value.ambiguous
    assert len(net.calls) == 1, "the outbox tries again, nobody else"


@pytest.mark.parametrize(
    ("problem", "ambiguous"),
    [
        (requests.ReadTimeout(), True),
        (requests.ConnectTimeout(), False),
        (requests.exceptions.ChunkedEncodingError(), True),
    ],
)
def test_no_answer_to_a_post(net: responses.RequestsMock, forge: Forge, problem: Exception, ambiguous: bool) -> None:
    net.post(f"{LAB}/issues", body=problem)
    with pytest.raises(Unavailable) as raised:
        forge.issues.open(REF, "t", "b")
    assert raised.value.ambiguous is ambiguous


def test_reading_is_never_ambiguous(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(f"{LAB}/issues/12", status=500)
    with pytest.raises(Unavailable) as problem:
        forge.issues.get(REF, 12)
    assert not problem.value.ambiguous


@pytest.mark.parametrize(("header", "secs"), [("17", 17.0), ("99999", 3600.0), ("soon", None), (None, None)])
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_forge_says_when(
    net: responses.RequestsMock, forge: Forge, status: int, header: str | None, secs: float | None
) -> None:
    net.get(f"{LAB}/issues/12", status=status, headers={"Retry-After": header} if header else {})
    with pytest.raises(Unavailable) as problem:
        forge.issues.get(REF, 12)
    assert (problem.value.retry_after, problem.value.ambiguous) == (secs, False)


def test_a_page_instead_of_json_is_no_answer(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(f"{LAB}/issues/12", body="<html>Maintenance</html>", content_type="text/html")
    with pytest.raises(Unavailable, match="could not be read"):
        forge.issues.get(REF, 12)
    net.get(f"{LAB}/issues/12/timeline", body="<html>Maintenance</html>", content_type="text/html")
    with pytest.raises(Unavailable, match="could not be read"):
        forge.issues.label_entries(REF, 12)


def test_an_empty_403_is_refused(net: responses.RequestsMock, forge: Forge) -> None:
    net.post(f"{LAB}/issues/12/labels", status=403, body=b"")
    with pytest.raises(Refused) as refused:
        forge.issues.add_label(REF, 12, "fleet/done")
    assert (refused.value.status, refused.value.kind) == (403, "forge_403")


def test_a_token_that_ended_is_waited_for(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(f"{LAB}/issues/12", status=401, json={"message": "access token does not exist"})
    with pytest.raises(Unavailable, match="does not accept the bot's token") as problem:
        forge.issues.get(REF, 12)
    assert "t0ken" not in str(problem.value)


def test_a_renamed_repository_is_followed_by_its_id(net: responses.RequestsMock, forge: Forge) -> None:
    net.post(f"{LAB}/issues/12/labels", status=301, headers={"Location": "/api/v1/repos/ann/lab2/issues/12/labels"})
    net.get(f"{URL}/api/v1/repositories/7", json={"id": 7, "full_name": "ann/lab2"})
    net.post(f"{URL}/api/v1/repos/ann/lab2/issues/12/labels", json=[label("fleet/done")])
    forge.issues.add_label(REF, 12, "fleet/done")
    forge.issues.add_label(REF, 12, "fleet/done")
    assert [c.request.method for c in net.calls] == ["POST", "GET", "POST", "POST"], "the new name is remembered"


@pytest.mark.parametrize("location", ["/api/v1/repos/ann/lab2", f"{URL}/api/v1/repos/ann/lab2?x=1"])
def test_a_repository_named_by_a_person_is_followed_by_the_redirect(
    net: responses.RequestsMock, forge: Forge, location: str
) -> None:
    net.get(LAB, status=301, headers={"Location": location})
    net.get(f"{URL}/api/v1/repos/ann/lab2", json={"id": 7, "full_name": "ann/lab2"})
    assert forge.repos.named("ann/lab").full_name == "ann/lab2"


def test_a_redirect_to_nowhere_is_refused(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(LAB, status=301, headers={"Location": "http://elsewhere.test/login"})
    with pytest.raises(Refused, match="renamed"):
        forge.repos.named("ann/lab")


@pytest.mark.parametrize("body", ["null", "[]", "[null, null]"])
def test_a_timeline_of_nothing(net: responses.RequestsMock, forge: Forge, body: str) -> None:
    net.get(f"{LAB}/issues/12/timeline", body=body, content_type="application/json")
    assert forge.issues.label_entries(REF, 12) == []


def test_who_labelled_what(net: responses.RequestsMock, forge: Forge) -> None:
    entry = {"type": "label", "label": label("agent:rust"), "user": user(3, "ann"), "created_at": NOW}
    lines: list[Any] = [
        entry | {"id": 5, "body": ""},
        None,
        entry | {"id": 4, "body": "1"},
        {"id": 6, "type": "comment"},
    ]
    lines.append(entry | {"id": 7, "label": None, "body": "1"})  # its label was deleted
    lines.append(entry | {"id": 8, "user": None, "body": "1"})
    net.get(f"{LAB}/issues/12/timeline", json=lines)
    found = forge.issues.label_entries(REF, 12)
    assert [(x.id, x.added, x.person.login) for x in found] == [(4, True, "ann"), (5, False, "ann"), (8, True, "Ghost")]


def test_a_label_that_is_right_is_not_written(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(f"{LAB}/issues/12", json=issue("fleet/done", "bug"))
    forge.issues.set_state_label(REF, 12, "fleet/done")
    assert len(net.calls) == 1


def test_a_label_is_swapped_in_one_call(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(f"{LAB}/issues/12", json=issue("fleet/running", "bug"))
    net.post(f"{LAB}/issues/12/labels", json=[label("fleet/done"), label("bug")])
    forge.issues.set_state_label(REF, 12, "fleet/done")
    assert json.loads(net.calls[1].request.body or b"") == {"labels": ["fleet/done"]}


def test_an_unknown_label_is_said_though_the_forge_is_silent(net: responses.RequestsMock, forge: Forge) -> None:
    net.post(f"{LAB}/issues/12/labels", json=[label("bug")])
    with pytest.raises(Missing) as missing:
        forge.issues.add_label(REF, 12, "fleet/done")
    assert missing.value.kind == "no_label"


@pytest.mark.parametrize("status", [204, 404, 422])
def test_taking_a_label_off_that_is_gone_is_no_error(net: responses.RequestsMock, forge: Forge, status: int) -> None:
    net.delete(f"{LAB}/issues/12/labels/fleet%2Fhold", status=status)
    forge.issues.remove_label(REF, 12, "fleet/hold")


def test_only_our_own_comment_is_ours(net: responses.RequestsMock, forge: Forge) -> None:
    others = [comment(1, f"hi {MARKER}", by=3), comment(2, f"old {MARKER}"), comment(3, "no marker")]
    net.get(f"{LAB}/issues/12/comments", json=others)
    net.patch(f"{LAB}/issues/comments/2", json=comment(2, f"new {MARKER}"))
    assert forge.issues.put_comment(REF, 12, MARKER, f"new {MARKER}").id == 2


def test_a_comment_that_says_it_already_is_left(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(f"{LAB}/issues/12/comments", json=[comment(2, f"new {MARKER}")])
    assert forge.issues.put_comment(REF, 12, MARKER, f"new {MARKER}").id == 2


def test_a_comment_that_was_deleted_is_written_again(net: responses.RequestsMock, forge: Forge) -> None:
    net.patch(f"{LAB}/issues/comments/2", status=404)
    net.get(f"{LAB}/issues/12/comments", json=[])
    net.post(f"{LAB}/issues/12/comments", status=201, json=comment(8, f"new {MARKER}"))
    assert forge.issues.put_comment(REF, 12, MARKER, f"new {MARKER}", known_id=2).id == 8


def test_a_pull_request_that_is_there_is_used(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(f"{LAB}/pulls/main/fleet%2F12", json=pull())
    assert forge.pulls.open(REF, head="fleet/12", base="main", title="t", body="b").number == 34


def test_a_pull_request_made_meanwhile_is_used(net: responses.RequestsMock, forge: Forge) -> None:
    """409: the first POST got through, only its answer was lost."""
    net.get(f"{LAB}/pulls/main/fleet%2F12", status=404)
    net.post(f"{LAB}/pulls", status=409, json={"message": "pull request already exists for these targets"})
    net.get(f"{LAB}/pulls/main/fleet%2F12", json=pull())
    assert forge.pulls.open(REF, head="fleet/12", base="main", title="t", body="b").number == 34


def test_a_conflict_without_a_pull_request_is_refused(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(f"{LAB}/pulls/main/fleet%2F12", status=404)
    net.post(f"{LAB}/pulls", status=409, json={"message": "the target couldn't be found"})
    with pytest.raises(Refused) as refused:
        forge.pulls.open(REF, head="fleet/12", base="main", title="t", body="b")
    assert refused.value.status == 409


def test_a_closed_pull_request_is_not_closed_again(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(f"{LAB}/pulls/34", json=pull("closed"))
    forge.pulls.close(REF, 34)


@pytest.mark.parametrize(
    ("status", "answer", "right"),
    [
        (200, {"permission": "write", "user": user(3, "ann")}, Right.WRITE),
        (200, {"permission": "owner", "user": user(3, "ann")}, Right.ADMIN),
        (200, {"permission": "blessed", "user": user(3, "ann")}, Right.UNKNOWN),
        (200, {"permission": "admin", "user": user(5, "ann")}, Right.NONE),
        (403, {"message": "no"}, Right.UNKNOWN),
        (404, {"message": "no"}, Right.NONE),
    ],
)
def test_what_a_person_may_do(
    net: responses.RequestsMock, forge: Forge, status: int, answer: dict[str, Any], right: Right
) -> None:
    net.get(f"{LAB}/collaborators/ann/permission", status=status, json=answer)
    assert forge.repos.right_of(REF, Account(3, "ann")) is right


def test_accounts_without_a_row_have_no_right(net: responses.RequestsMock, forge: Forge) -> None:
    assert forge.repos.right_of(REF, Account(-2, "forgejo-actions")) is Right.NONE


def test_every_page_is_read(net: responses.RequestsMock, forge: Forge) -> None:
    net.get(f"{LAB}/labels", json=[label(f"l{i}") for i in range(50)])
    net.get(f"{LAB}/labels", json=[label("last")])
    assert [x.name for x in forge.repos.labels(REF)][-2:] == ["l49", "last"]


RECORDED: Final = Path(__file__).parents[2] / "recordings" / "forgejo-15" / "api"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


def test_a_file_is_attached_once_also_when_the_answer_was_lost(forge: Forge, net: responses.RequestsMock) -> None:
    """As recorded: 241-issue-attachment-create; an issue lists what it has under ``assets``."""
    asset = recorded("241-issue-attachment-create")["response"]
    net.get(f"{LAB}/issues/12", json=issue() | {"assets": []})
    net.post(f"{LAB}/issues/12/assets", status=201, json=asset)
    assert forge.issues.attach(REF, 12, "log.txt", b"7 byte") == asset["browser_download_url"]
    sent = net.calls[1].request
    assert sent.url == f"{LAB}/issues/12/assets?name=log.txt"
    assert sent.headers["Content-Type"].startswith("multipart/form-data")
    assert isinstance(sent.body, bytes)
    assert b'name="attachment"; filename="log.txt"' in sent.body
    net.replace("GET", f"{LAB}/issues/12", json=issue() | {"assets": [asset]})
    assert forge.issues.attach(REF, 12, "log.txt", b"7 byte") == asset["browser_download_url"]
    assert len(net.calls) == 3


def test_a_kind_of_file_that_the_forge_refuses_is_said(forge: Forge, net: responses.RequestsMock) -> None:
    refusal = recorded("242-issue-attachment-forbidden-type")
    net.get(f"{LAB}/issues/12", json=issue() | {"assets": None})
    net.post(f"{LAB}/issues/12/assets", status=refusal["status"], json=refusal["response"])
    with pytest.raises(Refused, match="not allowed to be uploaded"):
        forge.issues.attach(REF, 12, "log.exe", b"x")


def test_required_contexts_are_those_of_every_rule_that_covers_the_branch(
    forge: Forge, net: responses.RequestsMock
) -> None:
    rules = [
        {"rule_name": "main", "enable_status_check": True, "status_check_contexts": ["ci/*", "lint"]},
        {"rule_name": "m*", "enable_status_check": True, "status_check_contexts": ["ci/*"]},
        {"rule_name": "main", "enable_status_check": False, "status_check_contexts": ["off"]},
        {"rule_name": "other", "enable_status_check": True, "status_check_contexts": ["no"]},
    ]
    net.get(f"{LAB}/branch_protections", json=rules)
    assert forge.repos.required_contexts(REF, "main") == ("ci/*", "lint")
    net.replace("GET", f"{LAB}/branch_protections", status=403, body="")
    assert forge.repos.required_contexts(REF, "main") is None
