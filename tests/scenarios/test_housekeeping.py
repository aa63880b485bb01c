"""What is thrown away after a while, and what is not."""

import os

from bot.execution import git
from bot.service import housekeeping
from bot.store import inbox, request_keys, run_logs
from tests.world import World

DAY = 24 * 3600.0


def results(world: World) -> list[str]:
    git_dir = world.fleet.data_dir / "mirrors" / f"{world.repo.id}.git"
    return git.run(["for-each-ref", "refs/fleet/result"], git.Setting(git_dir=git_dir)).text.splitlines()


def test_results_of_ended_tasks_go_those_of_others_stay(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).finishes({"login.py": "fixed"})
    issue.tells("done in")
    housekeeping.tidy(world.fleet)
    assert len(results(world)) == 1
    world.writer.merges(issue)
    world.settles()
    housekeeping.tidy(world.fleet)
    assert results(world) == []
    issue.tells("was merged")


def test_old_payloads_keys_logs_and_uploads_go(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    agent.starts()
    task, fence, now = agent.task["task_id"], agent.fence, world.clock()
    world.store.write(lambda sql: run_logs.append(sql, task, fence, 0, "said"))
    world.store.write(lambda sql: request_keys.take(sql, "k", "", now))
    world.store.write(lambda sql: request_keys.fill(sql, "k", task))
    undone, _ = world.store.write(lambda sql: inbox.put(sql, "undone", "issues", b"{}", now))
    world.store.write(lambda sql: inbox.dead(sql, undone, "a bug"))
    uploads = world.fleet.data_dir / "incoming"
    uploads.mkdir(parents=True, exist_ok=True)
    for name, at in (("old", now - 2 * DAY), ("new", now)):
        (uploads / name).touch()
        os.utime(uploads / name, (at, at))

    def kept() -> tuple[int, bool, str]:
        housekeeping.tidy(world.fleet)
        return world.fleet.read(
            lambda sql: (
                len(inbox.after(sql, 0, "issues")),
                request_keys.find(sql, "k") is not None,
                run_logs.read(sql, task, fence),
            )
        )

    webhooks, key, said = kept()
    assert (webhooks > 1, key, said) == (True, True, "said")
    assert [p.name for p in uploads.iterdir()] == ["new"]
    agent.fails("no", "agent_failed")
    world.clock.forward(15 * DAY)
    assert kept() == (1, True, "said"), "only what was put aside for a person stays"
    world.clock.forward(16 * DAY)
    assert kept() == (1, False, "said")
    world.clock.forward(60 * DAY)
    assert kept() == (1, False, "")
    world.store.write(lambda sql: inbox.done(sql, undone))
    world.expects_leftovers = True
    issue.status_comment()


def test_artifacts_go_with_the_logs_and_one_that_another_attempt_has_stays(world: World) -> None:
    agent = world.pull_agent("gpu-1", ["python"])
    files = world.fleet.data_dir / "artifacts"

    def handed_in(*contents: bytes) -> None:
        issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
        agent.claims(issue)
        for content in contents:
            assert agent.attaches(f"{content.decode()}.txt", content).status_code == 200
        agent.finds_nothing("It works.")
        issue.tells("found nothing to change")

    def kept() -> list[bytes]:
        for path in files.glob("??/*"):
            os.utime(path, (world.clock() - 2 * DAY, world.clock() - 2 * DAY))  # the world's clock is not the disk's
        housekeeping.tidy(world.fleet)
        return sorted(path.read_bytes() for path in files.glob("??/*"))

    handed_in(b"one", b"both")
    world.clock.forward(60 * DAY)
    handed_in(b"two", b"both")
    assert kept() == [b"both", b"one", b"two"]
    world.clock.forward(31 * DAY)
    assert kept() == [b"both", b"two"]
    world.clock.forward(60 * DAY)
    assert kept() == []


def test_a_mirror_that_cannot_be_tidied_keeps_nothing_else_from_it(world: World) -> None:
    git_dir = world.fleet.mirror(world.fleet.repo(world.repo.id)).git_dir
    git_dir.mkdir()
    (git_dir / "HEAD").write_text("nonsense")
    housekeeping.tidy(world.fleet)
