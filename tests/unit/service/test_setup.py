"""Setting up a repository: the difference, on the stand-in forge, with a receiver that stores what comes."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from bot.core.errors import Refused
from bot.core.facts import Hook
from bot.forge import Api, Forge, Missing
from bot.forge.repos import Label
from bot.service import setup
from bot.service.fleet import Fleet
from bot.service.labels import SHOWN
from bot.service.setup import HOOK_PATH, WANTED_EVENTS, Done, Mark, Trial, Wrong, host_to_allow, plan, set_up
from bot.settings import Forgejo, HostAgent, HostEntry, Server, Settings
from bot.standin import Standin
from bot.standin.serve import serve
from bot.store import forge_facts, inbox, open_store
from bot.store.agents import Agent
from bot.store.database import migrate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

URL: Final = "http://bot.test/api/v1/webhooks/forgejo"
GOOD: Final = Hook(5, URL, True, WANTED_EVENTS | {"wiki"})
HOST: Final = HostEntry(
    host_id="local", hostname="localhost", ssh_user="runner", work_dir="/tmp/work",
    agents=[HostAgent(agent_type="codex-cli", capabilities=["code:rust", "agent:docs"])],
)  # fmt: skip


def hooks(*there: Hook, new_hook: bool = False) -> list[tuple[str, int, Wrong | None]]:
    found = plan([], there, SHOWN, URL, new_hook=new_hook).hooks
    assert found is not None
    return [(x.mark.value, x.id, x.wrong) for x in found]


def test_the_labels_that_are_wanted() -> None:
    wanted = setup.wanted_labels(Settings(hosts=[HOST]))
    people = [x for x in wanted if not x.exclusive]
    assert [x.name for x in people] == [
        "agent:any", "agent:code:rust", "agent:codex-cli", "agent:docs",
        "priority:high", "priority:normal", "priority:low", "fleet/hold",
    ]  # fmt: skip
    assert {x.color for x in people} == {"795548"}
    assert [x.name for x in wanted if x.exclusive] == [f"fleet/{s.name.removeprefix('fleet/')}" for s in SHOWN]


def test_the_switch_for_everything_is_for_the_control_repository() -> None:
    assert "fleet/halt" in [x.name for x in setup.wanted_labels(Settings(), control=True)]


def test_a_label_that_exists_keeps_its_colour_and_only_a_missing_exclusive_is_mended() -> None:
    there = [Label(1, "fleet/done", "123456", "ours?", True), Label(2, "fleet/failed", "123456", "", False)]
    changes = {x.label.name: (x.mark, x.id) for x in plan(there, [], SHOWN, URL).labels}
    assert changes["fleet/done"] == (Mark.KEEP, 1)
    assert changes["fleet/failed"] == (Mark.MEND, 2)
    assert {x for x in changes.values() if not x[1]} == {(Mark.MAKE, 0)}


def test_a_people_label_that_is_exclusive_is_left_so() -> None:
    anyone = [x for x in setup.wanted_labels(Settings()) if x.name == "agent:any"]
    assert plan([Label(3, "agent:any", "0", "", True)], [], anyone, URL).labels[0].mark is Mark.KEEP


def test_a_good_hook_is_kept_and_others_are_not_looked_at() -> None:
    elsewhere = Hook(6, "http://other.test/hook", False)
    assert hooks(elsewhere, GOOD) == [("=", 5, None)]
    assert hooks(elsewhere) == [("+", 0, None)]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"active": False}, Wrong.INACTIVE),
        ({"events": WANTED_EVENTS - {"issue_label"}}, Wrong.EVENTS),
        ({"events": frozenset({"push"})}, Wrong.EVENTS),
        ({"content_type": "form"}, Wrong.FORM),
        ({"branch_filter": "main"}, Wrong.FILTERED),
    ],
)
def test_a_hook_that_is_wrong_is_replaced_the_new_one_first(changes: dict[str, Any], wrong: Wrong) -> None:
    assert hooks(replace(GOOD, **changes)) == [("+", 0, None), ("-", 5, wrong)]


def test_a_second_hook_of_ours_goes() -> None:
    assert hooks(GOOD, replace(GOOD, id=8)) == [("=", 5, None), ("-", 8, Wrong.DOUBLE)]


def test_a_new_hook_when_asked_for() -> None:
    assert hooks(GOOD, new_hook=True) == [("+", 0, None), ("-", 5, Wrong.RENEWED)]


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://127.0.0.1:9090", "loopback"), ("http://[::1]:9090", "loopback"), ("http://localhost", "loopback"),
        ("http://10.0.0.7", "private"), ("http://192.168.1.2:80", "private"), ("http://[fd00::1]", "private"),
        ("http://169.254.1.1", "169.254.1.1"), ("https://bot.example.org", "bot.example.org"),
        ("https://9.9.9.9", ""), ("http://100.64.0.1", ""),
    ],
)  # fmt: skip
def test_what_the_forge_must_allow(url: str, word: str) -> None:
    assert host_to_allow(url) == word


class World:
    """A forge, the bot's database, and a web process of the bot that may be up or down."""

    def __init__(self, forge: Standin, fleet: Fleet) -> None:
        self.forge = forge
        self.fleet = fleet
        self.repo = forge.repository("ann/lab")
        self.repo.grant(forge.person("fleet-bot"), "admin")

    def run(self, name: str = "ann/lab", *, dry_run: bool = False, wait_secs: float = 10.0) -> Done:
        return set_up(self.fleet, name, dry_run=dry_run, wait_secs=wait_secs)

    def writes(self) -> int:
        return len([c for c in self.forge.requests if c.method != "GET"])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    migrate(tmp_path / "fleet.db")
    store = open_store(tmp_path / "fleet.db")
    arrived = threading.Event()

    def receiver(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        kind, delivery = environ["HTTP_X_FORGEJO_EVENT_TYPE"], environ["HTTP_X_FORGEJO_DELIVERY"]
        store.write(lambda sql: inbox.put(sql, delivery, kind, body, 1.0))
        arrived.set()
        start_response("202 Accepted", [])
        return [b""]

    forge = Standin(tmp_path / "forge", deliveries="auto")
    with forge.serve() as url, serve(receiver) as here:
        settings = Settings(
            server=Server(public_url=here),
            forgejo=Forgejo(url=url, webhook_secret="s3cret"),  # type: ignore[arg-type]
            hosts=[HOST],
        )
        api = Api(url, forge.person("fleet-bot").token)
        yield World(forge, Fleet(settings, store, Forge(api)))
        api.close()
    store.close()


def test_the_first_time_everything_is_made_and_tested(world: World) -> None:
    done = world.run()
    assert done.trial is Trial.ARRIVED
    made = {x.name: x for x in world.repo.labels}
    assert made["fleet/running"].exclusive
    assert made["fleet/running"].color == "e64a19"
    assert not made["agent:code:rust"].exclusive
    [hook] = world.repo.hooks
    assert (hook.url, hook.active, hook.secret, hook.content_type) == (done.url, True, "s3cret", "json")
    assert hook.events >= WANTED_EVENTS
    [watched] = world.fleet.read(forge_facts.watched)
    assert watched.full_name == "ann/lab"


def test_the_second_time_there_is_nothing_to_do(world: World) -> None:
    world.run()
    before = world.writes()
    done = world.run()
    assert done.plan.nothing_to_do
    assert done.trial is Trial.ARRIVED
    assert world.writes() == before + 1, "the test delivery alone"


def test_a_dry_run_changes_nothing(world: World) -> None:
    done = world.run(dry_run=True)
    assert not done.plan.nothing_to_do
    assert done.trial is Trial.NONE
    assert world.writes() == 0
    assert world.fleet.read(forge_facts.watched) == []


def test_what_people_made_stays_theirs(world: World) -> None:
    world.repo.label("agent:any", "#00ff00", description="mine")
    world.repo.label("fleet/done", "#00ff00", description="mine")
    other = world.repo.hook("http://other.test/hook", events=["push"], active=False)
    world.run()
    [any_, done] = [x for x in world.repo.labels if x.name in ("agent:any", "fleet/done")]
    assert (any_.color, any_.description, any_.exclusive) == ("00ff00", "mine", False)
    assert (done.color, done.description, done.exclusive) == ("00ff00", "mine", True)
    assert other in world.repo.hooks


def test_a_broken_hook_of_ours_is_replaced(world: World) -> None:
    url = world.fleet.settings.server.url + HOOK_PATH
    old = world.repo.hook(url, events=["push"], active=True, secret="old")
    assert world.run().trial is Trial.ARRIVED
    [hook] = world.repo.hooks
    assert (hook.id != old.id, hook.secret) == (True, "s3cret")


def test_without_the_right_a_person_makes_the_hook(world: World) -> None:
    world.repo.grant(world.forge.person("fleet-bot"), "write")
    done = world.run()
    assert (done.plan.hooks, done.trial, world.repo.hooks) == (None, Trial.NONE, [])
    assert not done.plan.nothing_to_do
    assert "fleet/done" in {x.name for x in world.repo.labels}, "what it may do is done"


def test_a_mere_reader_is_told_so(world: World) -> None:
    world.repo.grant(world.forge.person("fleet-bot"), "read")
    with pytest.raises(Refused) as refused:
        world.run()
    assert refused.value.kind == "may_not_label"


def test_a_repository_that_is_not_there(world: World) -> None:
    with pytest.raises(Missing):
        world.run("ann/nothing")


def test_a_repository_under_its_old_name(world: World) -> None:
    world.repo.rename("lab2")
    assert world.run("ann/lab").repository.full_name == "ann/lab2"


def test_an_empty_repository_cannot_be_tested(world: World) -> None:
    empty = world.forge.repository("ann/empty", files={})
    empty.grant(world.forge.person("fleet-bot"), "admin")
    assert world.run("ann/empty").trial is Trial.EMPTY


def test_a_delivery_that_gets_lost_is_missed(world: World) -> None:
    world.run()
    world.forge.faults.loses_deliveries(1)
    assert world.run(wait_secs=0.3).trial is Trial.MISSING


def test_a_push_of_another_repository_is_not_taken_for_the_test(world: World) -> None:
    world.run()
    world.forge.faults.loses_deliveries(1)
    newest = world.fleet.read(inbox.newest_id)
    world.fleet.store.write(lambda sql: inbox.put(sql, "x", "push", b'{"repository": {"id": 999}}', 1.0))
    assert not setup._arrived(world.fleet, world.repo.id, newest)
    assert world.run(wait_secs=0.1).trial is Trial.MISSING


def test_what_registered_agents_offer_gets_labels_too() -> None:
    agent = Agent("gpu-1", "exec", ("docs",), 1, "", "http_pull", "online", 0.0, 0.0, "", {}, ())
    names = [x.name for x in setup.wanted_labels(Settings(), [agent])]
    assert {"agent:any", "agent:docs", "agent:exec"} <= set(names)
