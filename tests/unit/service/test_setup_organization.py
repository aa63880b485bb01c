"""Setting up an organisation on the stand-in forge."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from bot.core.errors import Refused
from bot.doctor.finding import State
from bot.doctor.organization import organization
from bot.doctor.repository import repository as examine_repository
from bot.forge import Api, Forge
from bot.service.fleet import Fleet, ref
from bot.service.labels import SHOWN
from bot.service.setup import HOOK_PATH, Mark, Trial, set_up
from bot.service.setup_organization import let_go_of_org, set_up_org
from bot.settings import Forgejo, Server, Settings
from bot.standin import Standin
from bot.store import forge_facts, open_store, organizations
from bot.store.database import migrate

URL: Final = "http://bot.test" + HOOK_PATH


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Standin]:
    made = Standin(tmp_path / "forge")
    with made.serve():
        yield made


@pytest.fixture
def fleet(tmp_path: Path, forge: Standin) -> Iterator[Fleet]:
    bot = forge.person("fleet-bot")
    forge.organization("acme", bot)
    for name in ("tools", "site"):
        forge.repository(f"acme/{name}")
    migrate(tmp_path / "fleet.db")
    store = open_store(tmp_path / "fleet.db")
    settings = Settings(
        server=Server(public_url="http://bot.test"),
        forgejo=Forgejo(url=forge.url, token=SecretStr(bot.token), webhook_secret=SecretStr("s3cret")),
    )
    made = Fleet(settings, store, Forge(Api(forge.url, bot.token)))
    yield made
    made.forge.close()
    store.close()


def test_labels_and_one_webhook_are_made_once(fleet: Fleet, forge: Standin) -> None:
    acme = forge.organizations["acme"]
    planned = set_up_org(fleet, "acme", dry_run=True)
    assert {x.mark for x in planned.plan.labels} == {Mark.MAKE}
    assert (acme.hooks, acme.labels, fleet.read(forge_facts.watched)) == ([], [], [])
    done = set_up_org(fleet, "acme")
    assert [x.full_name for x in done.repositories] == ["acme/tools", "acme/site"]
    [hook] = acme.hooks
    assert (hook.url, hook.active, hook.secret, hook.kind) == (URL, True, "s3cret", "forgejo")
    assert {x.name for x in SHOWN} <= {x.name for x in acme.labels}
    assert sorted(x.full_name for x in fleet.read(forge_facts.watched)) == ["acme/site", "acme/tools"]
    again = set_up_org(fleet, "Acme")
    assert again.nothing_to_do
    assert len(acme.hooks) == 1


def test_events_of_every_repository_arrive_and_labels_go_on(fleet: Fleet, forge: Standin) -> None:
    set_up_org(fleet, "acme")
    late = forge.repository("acme/late")
    issue = late.open_issue(forge.person("fleet-bot"), "one")
    assert [x.url for x in forge.deliveries.waiting] == [URL]
    known = fleet.remember(fleet.forge.repos.named("acme/late"))
    fleet.forge.issues.set_state_label(ref(known), issue.number, "fleet/queued")
    fleet.forge.issues.set_state_label(ref(known), issue.number, "fleet/running")
    assert issue.label_names == ["fleet/running"]
    assert not late.labels, "the organisation's label was there"


def test_webhooks_of_single_repositories_give_way_and_are_not_made_again(fleet: Fleet, forge: Standin) -> None:
    tools = forge.find("acme/tools")
    assert tools
    ours, elsewhere = tools.hook(URL), tools.hook("http://other.test/x")
    acme = forge.organizations["acme"]
    done = set_up_org(fleet, "acme")
    assert done.doubles == (("acme/tools", ours.id),)
    assert tools.hooks == [elsewhere]
    of_one = set_up(fleet, "acme/tools")
    assert (of_one.plan.nothing_to_do, of_one.trial, tools.hooks, tools.labels) == (True, Trial.NONE, [elsewhere], [])
    assert set_up_org(fleet, "acme", new_hook=True).plan.hooks is not None
    assert len(acme.hooks) == 1


def test_letting_go_leaves_labels_and_others(fleet: Fleet, forge: Standin) -> None:
    set_up_org(fleet, "acme")
    acme = forge.organizations["acme"]
    gone = let_go_of_org(fleet, "acme", dry_run=True)
    assert (len(gone.hooks or ()), len(acme.hooks), gone.was_set_up) == (1, 1, True)
    let_go_of_org(fleet, "acme")
    assert (acme.hooks, bool(acme.labels), fleet.read(forge_facts.watched)) == ([], True, [])
    assert let_go_of_org(fleet, "acme").was_set_up is False


def test_letting_go_needs_no_rights_and_no_organisation(fleet: Fleet, forge: Standin) -> None:
    set_up_org(fleet, "acme")
    forge.organizations["acme"].owners.clear()
    assert let_go_of_org(fleet, "acme").hooks is None
    assert (fleet.read(forge_facts.watched), fleet.read(organizations.listed)) == ([], [])
    with pytest.raises(Refused, match="no owner of it"):
        let_go_of_org(fleet, "acme")
    fleet.step(lambda step: organizations.put(step.sql, "renamed", step.now))
    assert let_go_of_org(fleet, "renamed").was_set_up
    assert fleet.read(organizations.listed) == []


def test_who_is_no_owner_is_told_what_to_do(fleet: Fleet, forge: Standin) -> None:
    forge.organization("others", forge.person("zoe"))
    with pytest.raises(Refused, match="no owner of it") as caught:
        set_up_org(fleet, "others")
    assert "write:organization" in caught.value.fix
    with pytest.raises(Refused, match="There is no organisation"):
        set_up_org(fleet, "fleet-bot")


def test_the_doctor_finds_what_is_wrong_and_setup_mends_it(fleet: Fleet, forge: Standin) -> None:
    set_up_org(fleet, "acme")
    acme = forge.organizations["acme"]
    [tools] = [x for x in fleet.read(forge_facts.watched) if x.full_name == "acme/tools"]
    assert {x.state for x in organization(fleet, "acme")} == {State.OK}
    lines = list(examine_repository(fleet, tools, wait_secs=1))
    assert {x.state for x in lines} == {State.OK}, lines
    acme.hooks[0].active = False
    acme.labels.pop()
    broken = list(organization(fleet, "acme"))
    assert [(x.check, x.state, x.command) for x in broken] == [
        ("organization.labels", State.FAIL, "agent-fleet setup --org acme"),
        ("organization.hook", State.FAIL, "agent-fleet setup --org acme"),
    ]
    set_up_org(fleet, "acme")
    assert {x.state for x in organization(fleet, "acme")} == {State.OK}
    acme.hooks.clear()
    assert "no webhook" in list(organization(fleet, "acme"))[-1].said
    acme.owners.clear()
    assert [x.check for x in organization(fleet, "acme")] == ["organization"]
