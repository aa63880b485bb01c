"""A host that was set aside is looked at because an operator wants it, not when its pause is over."""

from pathlib import Path

from bot.core.errors import Refused
from bot.execution.host_errors import AuthRefused
from bot.execution.hosts import Host
from bot.service import machines
from bot.store import host_checks, hosts
from bot.store.host_checks import HostCheck
from tests.world import World
from tests.world.hosts import WORKS, here, script


def set_aside(world: World) -> None:
    site = world.dispatcher.sites["vm-1"]

    def refused(_host: Host) -> None:
        raise AuthRefused("vm-1 refused the key.", "")

    try:
        site.ask(refused)
    except Refused:
        world.settles()
    assert site.standing.state == hosts.QUARANTINED


def checked(world: World) -> HostCheck:
    machines.want_checked(world.fleet, "vm-1", "ann")
    world.settles()
    return world.fleet.read(host_checks.listed)["vm-1"]


def test_a_host_with_nothing_wrong_takes_work_at_once(world: World, tmp_path: Path) -> None:
    world.has_hosts(here(tmp_path, "vm-1"), scripted=script(WORKS))
    set_aside(world)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    issue.shows(label="fleet/queued")
    found = checked(world)
    assert (found.good, found.asked_by, found.said) == (True, "ann", "Nothing is wrong with it.")
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")


def test_a_host_that_lacks_something_stays_aside_and_it_is_said(world: World, tmp_path: Path) -> None:
    lacking = script(WORKS).model_copy(update={"command": ["/no/such/agent"]})
    world.has_hosts(here(tmp_path, "vm-1"), scripted=lacking)
    set_aside(world)
    found = checked(world)
    assert not found.good
    assert "/no/such/agent" in found.said
    assert world.dispatcher.sites["vm-1"].standing.state == hosts.QUARANTINED
