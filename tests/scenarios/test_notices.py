"""What operators hear outside of the forge."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from werkzeug import Request, Response

from bot.doctor import machine
from bot.doctor.finding import State
from bot.service import notices
from bot.settings.notify import NotifyEntry
from bot.standin.serve import serve
from bot.store import hosts
from tests.world import World
from tests.world.world import world as build


class Phone:
    """Where notifications arrive."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.status = 200

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        if self.status == 200:
            self.said.append(json.loads(request.get_data()))
        return Response(status=self.status)(environ, start_response)

    def titles(self) -> list[str]:
        said, self.said = [one["title"] for one in self.said], []
        return said


@pytest.fixture
def phone() -> Iterator[tuple[Phone, str]]:
    made = Phone()
    with serve(made) as url:
        yield made, url


@pytest.fixture
def told(phone: tuple[Phone, str], tmp_path: Any, request: pytest.FixtureRequest) -> Iterator[World]:
    marked = request.node.get_closest_marker("world")
    keys = dict(marked.kwargs) if marked else {}
    entry: dict[str, Any] = {
        "name": "phone",
        "kind": "webhook",
        "url": f"{phone[1]}/x",
        "secret": SecretStr("a-secret"),
    }
    more = keys.pop("entry", {})
    dead: dict[str, Any] = {"name": "dead", "kind": "ntfy", "url": "http://127.0.0.1:1/topic"}
    with build(tmp_path, notify=[NotifyEntry(**dead), NotifyEntry(**entry | more)], **keys) as made:
        yield made


def test_a_question_and_a_failure_are_told_once_and_without_anybodys_words(
    told: World, phone: tuple[Phone, str]
) -> None:
    issue = told.writer.opens_issue("/fleet cancel\r\nBcc: x", labels=["agent:python"])
    agent = told.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    agent.asks("<b>Which</b> key, s3cret?")
    told.settles()
    [question] = phone[0].said
    assert (question["kind"], question["severity"]) == ("question", "warning")
    assert question["url"] == f"{told.forge.url}/ann/demo/issues/{issue.number}"
    assert "Which" not in str(question)
    assert phone[0].titles() == [f"ann/demo#{issue.number}: an agent waits for an answer"]
    told.restarts()
    told.minutes_pass(1)
    assert phone[0].titles() == [], "the restart tells nothing again"
    told.clock.forward(8 * 86_400)
    told.settles()
    assert phone[0].titles() == [f"ann/demo#{issue.number}: failed for good"]
    issue.tells("Which")
    issue.tells("nobody answered")


def test_who_does_not_take_it_now_gets_it_later_once(told: World, phone: tuple[Phone, str]) -> None:
    phone[0].status = 503
    issue = told.writer.opens_issue("Fix the login", labels=["agent:python"])
    told.pull_agent("gpu-1", ["python"]).claims(issue).starts().asks("Which?")
    told.minutes_pass(5)
    issue.tells("Which?")
    phone[0].status = 200
    told.restarts()
    told.clock.forward(3600)
    told.settles()
    assert len(phone[0].titles()) == 1


def test_what_is_refused_goes_out_when_the_settings_are_mended_and_what_never_did_is_found(
    told: World, phone: tuple[Phone, str]
) -> None:
    phone[0].status = 401
    issue = told.writer.opens_issue("Fix the login", labels=["agent:python"])
    told.pull_agent("gpu-1", ["python"]).claims(issue).starts().asks("Which?")
    for _ in range(12):
        told.clock.forward(3600)
        notices.work_off(told.fleet)
    phone[0].status = 200
    told.clock.forward(2 * 3600)
    notices.work_off(told.fleet)
    assert phone[0].titles() == [f"ann/demo#{issue.number}: an agent waits for an answer"]
    told.clock.forward(3 * 86_400)
    notices.work_off(told.fleet)
    found = {one.subject: one for one in machine.notifications(told.settings, told.store)}
    assert (found["dead"].state, found[""].said) == (State.WARN, "Notifications go out (phone).")
    assert "three days" in found["dead"].said
    issue.tells("Which?")
    issue.tells("nobody answered")


@pytest.mark.world(entry={"quiet": "14:00-15:00", "severity": "info"})
def test_in_quiet_hours_only_what_cannot_wait_is_sent(told: World, phone: tuple[Phone, str]) -> None:
    issue = told.writer.opens_issue("Fix the login", labels=["agent:python"])
    told.pull_agent("gpu-1", ["python"]).claims(issue).starts().asks("Which?")
    told.settles()
    now = told.clock()
    told.store.write(lambda sql: hosts.put(sql, "far", hosts.QUARANTINED, "why", now))
    for _ in range(2):
        notices.look(told.fleet)
        told.settles()
    assert phone[0].titles() == ["Host far gets no work"]
    told.clock.forward(3600 - told.clock() % 3600)
    told.settles()
    assert phone[0].titles() == [f"ann/demo#{issue.number}: an agent waits for an answer"]
    issue.tells("Which?")


def test_a_host_that_gets_no_work_is_told_once_until_it_is_up_again(told: World, phone: tuple[Phone, str]) -> None:
    def stands(*states: str) -> list[str]:
        for state in states:
            told.clock.forward(60)
            now = told.clock()
            told.store.write(lambda sql: hosts.put(sql, "far", state, "why", now))  # noqa: B023 - called at once
            notices.look(told.fleet)
            notices.work_off(told.fleet)
        return phone[0].titles()

    assert stands(hosts.UNREACHABLE, hosts.QUARANTINED, hosts.QUARANTINED) == ["Host far gets no work"]
    assert stands(hosts.UNREACHABLE, hosts.QUARANTINED) == [], "the service was restarted meanwhile"
    assert stands(hosts.UP, hosts.QUARANTINED) == ["Host far gets no work"]


def test_a_forge_that_stays_silent_is_told_and_when_it_is_back(told: World, phone: tuple[Phone, str]) -> None:
    told.fleet.settings.notify[1].__dict__["severity"] = "info"
    told.forge.faults.goes_down()
    for secs in (0, 100, 100, 100):
        told.clock.forward(secs)
        notices.look(told.fleet)
        notices.work_off(told.fleet)
    assert phone[0].titles() == ["The forge does not answer"]
    told.forge.faults.comes_back()
    notices.look(told.fleet)
    notices.look(told.fleet)
    told.settles()
    assert phone[0].titles() == ["The forge answers again"]


def test_a_forge_that_starts_with_us_is_not_called_silent(told: World, phone: tuple[Phone, str]) -> None:
    told.forge.faults.goes_down()
    notices.look(told.fleet)
    told.clock.forward(3600)  # the machine is off
    notices.begin(told.fleet)
    for secs in (0, 100):
        told.clock.forward(secs)
        notices.look(told.fleet)
        notices.work_off(told.fleet)
    assert phone[0].titles() == []
    told.clock.forward(100)
    notices.look(told.fleet)
    told.forge.faults.comes_back()
    notices.begin(told.fleet)
    notices.look(told.fleet)
    notices.work_off(told.fleet)
    assert phone[0].titles() == ["The forge does not answer"], "which recovers only where that is wanted"
    assert told.fleet.read(lambda sql: sql.all("SELECT name FROM lasting")) == []


@pytest.mark.world(budget={"day_tokens": 100, "run_tokens": 50})
def test_used_up_budgets_are_told(told: World, phone: tuple[Phone, str]) -> None:
    used = [{"model": "m", "kind": "run", "in": 500, "out": 0, "cost_usd": None}]
    issue = told.writer.opens_issue("Fix the login", labels=["agent:python"])
    told.pull_agent("gpu-1", ["python"]).claims(issue).starts().reports("a jump", usage=used).drops()
    for _ in range(2):
        notices.look(told.fleet)
        told.settles()
    assert sorted(phone[0].titles()) == [
        "The fleet: the budget of the day is used up",
        f"ann/demo#{issue.number}: stopped by its budget",
    ]
    issue.tells("the budget is used up")
