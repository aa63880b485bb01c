"""Limits in bytes: the oldest of what is over goes first, and nothing that is still needed."""

import json

import pytest

from bot.doctor import machine
from bot.doctor.finding import State
from bot.service import intake, retention
from bot.store import artifacts, inbox, receipts, run_logs, signed_receipts
from bot.store import retention as kept
from tests.world import World

TIGHT = {
    "max_payloads_bytes": 1,
    "max_logs_bytes": 1500,
    "max_artifacts_bytes": 1500,
    "max_receipts_bytes": 1,
}


def works(world: World, title: str, *, merged: bool = True) -> str:
    """An agent prints and hands in a thousand bytes; returns the task's id."""
    issue = world.writer.opens_issue(title, labels=["agent:python"])
    agent = world.agents[0] if world.agents else world.pull_agent("gpu-1", ["python"])
    agent.claims(issue).starts()
    task_id = str(agent.task["task_id"])
    agent.prints("x" * 1000)
    assert agent.attaches("out.txt", title.encode() * 100).status_code == 200
    agent.finishes({"login.py": title})
    issue.tells("done in")
    if merged:
        world.writer.merges(issue)
        world.settles()
        issue.tells("was merged")
    world.clock.forward(60)
    return task_id


def there(world: World, task_id: str) -> tuple[bool, bool, bool]:
    """Whether log, artifact and claim of its attempt are still there."""
    return world.fleet.read(
        lambda sql: (
            bool(run_logs.read(sql, task_id, 1)),
            bool(artifacts.of_attempt(sql, task_id, 1)),
            bool(receipts.of_task(sql, task_id)),
        )
    )


@pytest.mark.world(**TIGHT)
def test_the_oldest_that_is_over_goes_first_and_signed_receipts_stay(world: World) -> None:
    running = works(world, "zero-titel", merged=False)
    first, second = works(world, "first-titl"), works(world, "second-tit")
    world.clock.forward(7200)
    world.settles()
    signed = world.fleet.read(lambda sql: signed_receipts.of_repo(sql, world.repo.id))
    assert len(signed) == 3
    assert {it.state for it in [machine.kept(world.settings, world.store)]} == {State.WARN}
    dropped = retention.hold_limits(world.fleet)
    assert set(dropped) == set(kept.KINDS)
    assert there(world, running) == (True, True, True), "it may still go back to its agent"
    assert there(world, first) == there(world, second) == (False, False, False)
    assert world.fleet.read(lambda sql: signed_receipts.of_repo(sql, world.repo.id)) == signed
    assert not world.fleet.read(lambda sql: inbox.after(sql, 0, "issues"))
    assert retention.hold_limits(world.fleet) == {}, "what is left is needed"


@pytest.mark.world(**TIGHT)
def test_what_a_receipt_that_is_not_signed_yet_names_stays(world: World) -> None:
    world.repo.protect("main", contexts=["ci/*"])
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    agent.prints("x" * 3000)
    assert agent.attaches("out.txt", b"y" * 3000).status_code == 200
    agent.finishes({"login.py": "fixed"})
    issue.tells("done in")
    world.repo.set_status(world.owner.person, issue.pull().head_sha, "success", "ci/test", "", "")
    world.writer.merges(issue)
    world.forge.deliveries.deliver_all()
    while intake.work_off(world.fleet):
        pass
    assert set(retention.hold_limits(world.fleet)) == {"payloads"}, "the task is over, its receipt is wished for"
    world.settles()
    issue.tells("was merged")
    [signed] = world.fleet.read(lambda sql: signed_receipts.of_repo(sql, world.repo.id))
    said = json.loads(signed.body)
    assert (said["logs"]["transcript"]["bytes"], said["artifacts"][0]["bytes"], signed.result) == (
        3000, 3000, "verified",
    )  # fmt: skip
    assert {"logs", "artifacts"} <= set(retention.hold_limits(world.fleet))


@pytest.mark.world(max_logs_bytes=2500, max_artifacts_bytes=2500)
def test_no_more_goes_than_must(world: World) -> None:
    first, second, third = (works(world, title) for title in ("first-titl", "second-tit", "third-titl"))
    retention.hold_limits(world.fleet)
    assert [there(world, one) for one in (first, second, third)] == [
        (False, False, True), (True, True, True), (True, True, True),
    ]  # fmt: skip
    found = machine.kept(world.settings, world.store)
    assert found.state is State.OK
    assert "logs 0.0 MiB of 0.0 MiB" in found.said


def test_without_limits_nothing_goes(world: World) -> None:
    only = works(world, "first-titl")
    assert retention.hold_limits(world.fleet) == {}
    assert there(world, only) == (True, True, True)


@pytest.mark.world(max_payloads_bytes=1)
def test_what_was_not_dealt_with_stays(world: World) -> None:
    now = world.clock()
    waiting, _ = world.store.write(lambda sql: inbox.put(sql, "waiting", "push", b"{}" * 500, now))
    aside, _ = world.store.write(lambda sql: inbox.put(sql, "aside", "push", b"{}" * 500, now))
    world.store.write(lambda sql: inbox.dead(sql, aside, "a bug"))
    assert retention.hold_limits(world.fleet) == {}
    for one in (waiting, aside):
        world.store.write(lambda sql, n=one: inbox.done(sql, n))  # type: ignore[misc]
    assert retention.hold_limits(world.fleet) == {"payloads": 2}
