"""Pausing, halting, and a repository's own rules."""

from tests.world import World

POLICY = ".forgejo/fleet.toml"


def test_a_paused_repository_starts_nothing_and_says_when_it_is_empty(world: World) -> None:
    agent, other = world.pull_agent("gpu-1", ["python"]), world.pull_agent("gpu-2", ["rust"])
    running = world.writer.opens_issue("One", labels=["agent:python"])
    agent.claims(running).starts()
    waiting = world.writer.opens_issue("Two", labels=["agent:rust"])
    world.writer.says(waiting, "/fleet pause the disk is full").is_answered(
        "`/fleet pause` needs admin rights here; you have write. Admins: ann."
    )
    said = world.owner.says(waiting, "/fleet pause the disk is full")
    said.is_answered(
        "Paused this repository: nothing new is started until `/fleet resume`. 1 task is still running; I say so here "
        "when the last one ends."
    )
    at = world.time()
    other.gets_nothing()
    url = f"{world.forge.url}/ann/demo/issues/{waiting.number}#issuecomment-{said.entry.id}"
    waiting.shows(
        label="fleet/queued",
        says=f"Queued as number 1. ann paused this repository at {at} (the disk is full, see [comment]({url})); this "
        "starts after `/fleet resume`.",
    )
    world.owner.says(waiting, "/fleet pause again").is_answered(f"It is paused already, by ann at {at}.")
    agent.finds_nothing("fine")
    running.tells("found nothing to change")
    waiting.tells(f"Nothing is running any more since {world.time()}.")
    world.owner.says(waiting, "/fleet resume").is_answered("Started this repository again; 1 in the queue.")
    other.claims(waiting)


def test_a_pause_with_an_end_ends_by_itself(world: World) -> None:
    agent = world.pull_agent("gpu-1", ["python"])
    issue = world.writer.opens_issue("One", labels=["agent:python"])
    world.owner.says(issue, "/fleet pause for=30m lunch").is_answered("Paused this repository: nothing new is started")
    agent.gets_nothing()
    world.minutes_pass(31)
    agent.claims(issue)
    issue.shows(label="fleet/queued")


def test_one_agent_can_be_paused(world: World) -> None:
    one, two = world.pull_agent("gpu-1", ["python"]), world.pull_agent("gpu-2", ["python"])
    issue = world.writer.opens_issue("One", labels=["agent:python"])
    world.owner.says(issue, "/fleet pause agent=gpu-1 it overheats").is_answered("Paused gpu-1 for this repository:")
    one.gets_nothing()
    two.claims(issue)
    issue.shows(label="fleet/queued")


def test_halt_stops_what_runs(world: World) -> None:
    agent = world.pull_agent("gpu-1", ["python"])
    issue = world.writer.opens_issue("One", labels=["agent:python"])
    agent.claims(issue).starts()
    world.owner.says(issue, "/fleet halt it pushes nonsense").is_answered(
        "Halted this repository: 1 running task was stopped, and nothing is started until `/fleet resume`."
    )
    agent.is_told("cancel")
    agent.drops()
    issue.shows(
        label="fleet/cancelled",
        says="Stopped: everything was halted by `ann`: `it pushes nonsense`. To run it again: `/fleet retry`.",
    )
    world.writer.says(issue, "/fleet retry").is_answered("Queued as number 1. ann paused this repository at")
    agent.gets_nothing()


def test_the_control_repository_stops_the_whole_fleet_by_a_label(world: World) -> None:
    object.__setattr__(world.fleet.settings.forgejo, "control_repo", "ann/demo")
    world.repo.label("fleet/halt")
    agent = world.pull_agent("gpu-1", ["python"])
    issue = world.writer.opens_issue("One", labels=["agent:python"])
    agent.claims(issue).starts()
    switch = world.owner.opens_issue("The switch")
    world.writer.labels(switch, "fleet/halt")
    world.settles()
    agent.is_told_nothing()  # a writer is no admin
    world.writer.unlabels(switch, "fleet/halt")
    world.seconds_pass(2)
    world.owner.labels(switch, "fleet/halt")
    world.settles()
    agent.is_told("cancel")
    agent.drops()
    issue.shows(label="fleet/cancelled")
    world.writer.says(issue, "/fleet retry").is_answered("Queued as number 1. ann paused the fleet at")
    world.writer.unlabels(switch, "fleet/halt")
    world.settles()
    agent.claims(issue)


def test_a_policy_says_who_may_start_and_which_agents(world: World) -> None:
    _commit(world, 'people = ["ann"]\nagents = ["codex"]\n')
    agent = world.pull_agent("gpu-1", ["python"])
    codex = world.pull_agent("gpu-2", ["python"], agent_type="codex-cli")
    issue = world.writer.opens_issue("One", labels=["agent:python"])
    issue.shows(label="fleet/requested")
    world.writer.says(issue, "/fleet approve").is_answered(
        "`/fleet approve` is not for you here: this repository's `.forgejo/fleet.toml` lists who may start agents."
    )
    world.owner.says(issue, "/fleet approve").gets("eyes")
    agent.gets_nothing()
    codex.claims(issue)
    issue.shows(label="fleet/queued")


def test_a_bad_edit_keeps_the_last_good_policy_and_says_so(world: World) -> None:
    _commit(world, 'people = ["ann"]\n')
    sha = _commit(world, 'peopel = ["bob"]\n')
    issue = world.writer.opens_issue("One", labels=["agent:python"])
    issue.shows(label="fleet/requested")
    shown = [
        (s.state, s.description) for s in world.repo.statuses if s.sha == sha and s.context == "agent-fleet/policy"
    ]
    begin = "Fleet policy not used, the last good one stays: peopel is unknown; there is may_run, people, agents,"
    assert [(state, said.startswith(begin)) for state, said in shown] == [("error", True)]


def test_removing_the_policy_stops_the_repository(world: World) -> None:
    agent = world.pull_agent("gpu-1", ["python"])
    _commit(world, "")
    issue = world.writer.opens_issue("One", labels=["agent:python"])
    issue.shows(label="fleet/queued")
    _commit(world, None)
    agent.gets_nothing()
    world.owner.says(issue, "/fleet resume").is_answered(
        "This repository is stopped because its `.forgejo/fleet.toml` was removed. To start again, put it back."
    )
    _commit(world, "max_running = 1\n")
    agent.claims(issue)


def test_a_policy_caps_and_protects_and_may_keep_quiet(world: World) -> None:
    _commit(world, 'max_running = 1\nmax_open = 2\nprotected_paths = ["login.py"]\ncomments = false\n')
    agent = world.pull_agent("gpu-1", ["python"], max_concurrency=2)
    one = world.writer.opens_issue("One", labels=["agent:python"])
    agent.claims(one)
    two = world.writer.opens_issue("Two", labels=["agent:python"])
    held = agent.task
    agent.gets_nothing()  # one at a time
    three = world.writer.opens_issue("Three")
    world.writer.says(three, "/fleet run").is_answered(
        "This repository lets 2 tasks be unfinished at once (`.forgejo/fleet.toml`), and there are that many. "
        "Finish or cancel one first."
    )
    assert agent.task == held
    refused = agent.sends({"login.py": "mine"})
    assert (refused.status_code, "login.py" in refused.text) == (422, True)
    agent.finds_nothing("fine")
    agent.claims(two)
    one.shows(label="fleet/done")
    assert len(one.bot_comments()) == 1  # the status comment alone
    two.shows(label="fleet/queued")


def test_what_was_changed_by_hand_is_put_back_with_a_note_in_the_log(world: World) -> None:
    from bot.service import reconcile
    from bot.store import log

    issue = world.writer.opens_issue("One", labels=["agent:python"])
    issue.shows(label="fleet/queued")
    world.seconds_pass(5)
    world.writer.labels(issue, "fleet/done")
    world.seconds_pass(5)
    issue.bot_comments()[0].edit(world.owner.person, "Everything is fine.")
    world.settles()
    reconcile.compare(world.fleet)
    issue.shows(label="fleet/queued", says="**Fleet: queued**")
    events = world.fleet.read(lambda sql: log.of_task(sql, issue.task().id))
    repaired = [(x.event.what, x.event.by) for x in events if x.event.kind == "display_repaired"]  # type: ignore[attr-defined]
    assert repaired == [("label", "bob"), ("comment", "")]


def _commit(world: World, text: str | None) -> str:
    sha = world.repo.commit(world.owner.person, "main", {POLICY: text}, "Change the policy")
    world.settles()
    return sha
