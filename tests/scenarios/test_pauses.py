"""Pauses of one agent and of the whole fleet: who is told what, and what starts it again."""

from bot.standin import Repository
from tests.world import World
from tests.world.issues import IssueView
from tests.world.world import SECRET


def test_a_paused_agent_is_named_and_so_is_what_starts_it_again(world: World) -> None:
    codex = world.pull_agent("gpu-1", ["python"], agent_type="codex-cli")
    other = world.pull_agent("gpu-2", ["rust"])
    running = world.writer.opens_issue("Old", labels=["agent:rust"])
    other.claims(running).starts()
    issue = world.writer.opens_issue("New", labels=["agent:python"])
    world.owner.says(issue, "/fleet pause agent=codex a trial").is_answered(
        "Paused codex-cli for this repository: it gets nothing new until `/fleet resume agent=codex-cli`. Nothing is "
        "running."
    )
    codex.gets_nothing()
    at = world.time()
    world.writer.says(issue, "/fleet why").is_answered(
        f"Queued as number 1.\n- ann paused codex-cli for this repository at {at}.\n- gpu-1: it is paused.\n"
        "- gpu-2: it does not offer `python`.\n\nWhat would help: `/fleet resume agent=codex-cli`."
    )
    world.owner.says(issue, "/fleet resume").is_answered(
        "Only `codex-cli` is paused here. To start again: `/fleet resume agent=codex-cli`."
    )
    world.writer.says(issue, "/fleet set agent=codex").is_answered(
        f"Queued as number 1. ann paused codex-cli for this repository at {at} (a trial, see [comment]("
    )
    world.owner.says(issue, "/fleet resume agent=codex").is_answered("Started codex-cli for this repository again;")
    codex.claims(issue)
    issue.shows(label="fleet/queued")
    running.shows(label="fleet/running")


def test_the_control_repository_pauses_the_whole_fleet_by_command(world: World) -> None:
    control = _control(world)
    agent = world.pull_agent("gpu-1", ["python"])
    issue = world.writer.opens_issue("One", labels=["agent:python"])
    world.owner.says(control, "/fleet pause the disk is full").is_answered(
        "Paused the fleet: nothing new is started until `/fleet resume`. Nothing is running."
    )
    agent.gets_nothing()
    world.owner.says(issue, "/fleet resume").is_answered(
        "The whole fleet is paused. To start again: `/fleet resume` in the control repository."
    )
    world.writer.says(issue, "/fleet why").is_answered(
        f"Queued as number 1.\n- ann paused the fleet at {world.time()}.\n- gpu-1: it can take this, and will when it "
        "asks.\n\nWhat would help: `/fleet resume` in the control repository."
    )
    issue.shows(label="fleet/queued", says="ann paused the fleet at")
    world.owner.says(control, "/fleet resume").is_answered("Started the fleet again; 1 in the queue.")
    agent.claims(issue).starts()
    world.owner.says(control, "/fleet halt it pushes nonsense").is_answered(
        "Halted the fleet: 1 running task was stopped, and nothing is started until `/fleet resume`."
    )
    agent.is_told("cancel")
    agent.drops()
    world.owner.says(control, "/fleet halt once more").is_answered("Halted the fleet: nothing was running, and")
    issue.shows(label="fleet/cancelled")


def test_operators_pause_halt_and_resume_by_the_api(world: World) -> None:
    agent = world.pull_agent("gpu-1", ["python"], agent_type="codex-cli")
    issue = world.writer.opens_issue("One", labels=["agent:python"])
    at = world.time()
    shown = world.operator_steers("pause", {"reason": "the disk is full", "for_secs": 600})
    assert [(x["repo"], x["agent"], x["by"], x["reason"]) for x in shown["pauses"]] == [
        (None, None, "ops", "the disk is full")
    ]
    agent.gets_nothing()
    issue.shows(label="fleet/queued", says=f"ops paused the fleet at {at} (the disk is full); this starts after")
    assert world.operator_steers("resume", {})["pauses"] == []
    agent.claims(issue).starts()
    halted = world.operator_steers("halt", {"reason": "it pushes nonsense", "repo": "ann/demo"})
    assert [x["repo"] for x in halted["pauses"]] == ["ann/demo"]
    agent.is_told("cancel")
    agent.drops()
    issue.shows(label="fleet/cancelled", says="Stopped: everything was halted by `ops`: `it pushes nonsense`.")
    world.operator_steers("resume", {"repo": "ann/demo"})
    world.operator_steers("pause", {"agent": "codex", "reason": "a trial"})
    world.writer.says(issue, "/fleet retry").gets("eyes")
    agent.gets_nothing()
    world.operator_steers("resume", {"agent": "codex-cli"})
    agent.claims(issue)
    issue.shows(label="fleet/queued")
    world.operator_steers("pause", {"repo": "ann/none", "reason": "x"}, status=404)


def test_words_that_are_no_text_are_explained(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login")
    tried = {
        "/fleet retry fresh": "Line 1: `fresh` - an option needs a value, such as `fresh=yes`. Nothing was run.",
        "/fleet logs 100": "`/fleet logs` takes no text, only options such as `lines=…` or `attempt=…`.",
        "/fleet status please": "`/fleet status` takes no text; did you mean `/fleet say …`?",
        "/fleet status": "There is no task for this issue. To start one: `/fleet run`.",
    }
    for typed, answer in tried.items():
        world.writer.says(issue, typed).is_answered(answer)


def _control(world: World) -> IssueView:
    """An issue of the repository from which the whole fleet is steered."""
    object.__setattr__(world.fleet.settings.forgejo, "control_repo", "ann/control")
    repo: Repository = world.forge.repository("ann/control", files={"README.md": "# Control\n"})
    repo.grant(world.bot, "admin")
    url = f"{world.url}/api/v1/webhooks/forgejo"
    repo.hook(url, secret=SECRET, events=["issues", "pull_request", "push"], active=True)
    world.fleet.remember(world.fleet.forge.repos.named("ann/control"), watch=True)
    issue = IssueView(world, repo.open_issue(world.owner.person, "Control", "", []))
    world.settles()
    return issue
