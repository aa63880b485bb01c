"""What a repository says in files of its default branch reaches the fleet, and stays while the forge is away."""

from bot.service import repo_files
from bot.service.repo_files import POLICY, PROMPT
from bot.store.repo_files import RepoFile
from tests.world import World


def seen(world: World, path: str = PROMPT) -> RepoFile:
    found = world.fleet.read(lambda sql: repo_files.latest(sql, world.repo.id, path))
    assert found is not None
    return found


def commits(world: World, text: bytes | str | None, path: str = PROMPT, branch: str = "main") -> str:
    return world.repo.commit(world.owner.person, branch, {path: text}, "Change the fleet's files")


def test_a_push_to_the_default_branch_is_read(world: World) -> None:
    assert not repo_files.known(world.fleet, world.repo.id)
    sha = commits(world, "Fix {{ title }}.")
    commits(world, "Not this one.", branch="fleet/9-mine")
    world.settles()
    file = seen(world)
    assert (file.text, file.commit_sha, file.existed) == ("Fix {{ title }}.", sha, True)
    other = seen(world, POLICY)
    assert (other.text, other.existed) == (None, False)


def test_a_file_that_is_removed_is_known_to_have_been_there(world: World) -> None:
    commits(world, "enabled = true", POLICY)
    world.settles()
    commits(world, None, POLICY)
    world.settles()
    file = seen(world, POLICY)
    assert (file.text, file.existed) == (None, True)


def test_a_lost_push_is_noticed_by_the_sweep(world: World) -> None:
    commits(world, "one")
    world.forge.deliveries.drop()
    world.sweeps()
    assert seen(world).text == "one"


def test_what_was_read_stays_while_the_forge_is_away(world: World) -> None:
    commits(world, "one")
    world.settles()
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    world.settles()
    world.forge.faults.goes_down(answering=True)
    world.clock.forward(120)
    agent.beats()
    agent.claims(issue)
    assert seen(world).text == "one"
    world.forge.faults.comes_back()
    world.minutes_pass(1)
    issue.shows(label="fleet/queued")


def test_files_that_cannot_be_used_say_why(world: World) -> None:
    commits(world, b"x" * (repo_files.MAX_BYTES + 1))
    commits(world, b"ab\xff", POLICY)
    world.settles()
    prompt, policy = seen(world), seen(world, POLICY)
    assert (prompt.text, policy.text, policy.existed) == (None, None, True)
    assert "is 65537 bytes long" in prompt.error
    assert "byte 2" in policy.error
    commits(world, b"\xef\xbb\xbf" + b"x" * (repo_files.MAX_BYTES - 3))
    world.settles()
    prompt = seen(world)
    assert (prompt.text, prompt.error) == ("x" * (repo_files.MAX_BYTES - 3), "")


def test_work_is_handed_out_by_what_the_branch_says_now(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    agent = world.pull_agent("gpu-1", ["python"])
    world.clock.forward(61)
    agent.beats()
    commits(world, "two")
    world.forge.deliveries.drop()
    agent.claims(issue)
    assert seen(world).text == "two"
    issue.shows(label="fleet/queued")


def test_files_that_may_not_be_read_keep_no_issue_from_being_seen(world: World) -> None:
    world.forge.faults.fails("GET", "*/branches/*", status=403, times=20)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.forge.deliveries.drop()
    world.sweeps()
    issue.shows(label="fleet/queued")
