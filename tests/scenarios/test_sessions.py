"""An agent that asked goes on where it stopped: the same session, only what is new, its files as they were."""

from tests.world import World


def test_a_question_and_its_answer(world: World) -> None:
    issue = world.writer.opens_issue("Migrate the database", "To another one.", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts("looking around")
    agent.reports("thinking", session="s-1")
    agent.asks("Which database?")
    issue.shows(label="fleet/waiting")
    issue.tells("@bob gpu-1 asks: `Which database?`")
    other = world.writer.opens_issue("Something else", labels=["agent:python"])
    agent.claims(other).finishes({"other.py": "x"})
    other.tells("done in")

    world.operator_says(issue, "PostgreSQL")
    world.pull_agent("gpu-2", ["python"]).gets_nothing()
    agent.claims(issue)
    assert (agent.task["session"], agent.task["keep"]) == ("s-1", True)
    assert "PostgreSQL" in agent.task["resume_instructions"]
    assert "To another one." not in agent.task["resume_instructions"]
    assert "To another one." in agent.task["instructions"]
    assert "PostgreSQL" in agent.task["instructions"]
    agent.finishes({"login.py": "fixed"})
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("done in")


def test_the_completion_may_name_the_session_too(world: World) -> None:
    issue = world.writer.opens_issue("Migrate the database", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).asks("Which?", session="s-2")
    issue.tells("asks: `Which?`")
    world.operator_says(issue, "This one.")
    assert agent.claims(issue).task["session"] == "s-2"
    agent.asks("And which user?")
    issue.tells("asks: `And which user?`")
    world.operator_says(issue, "postgres")
    agent.claims(issue)
    assert (agent.task["session"], agent.task["keep"]) == (None, True)
    assert "git status" in agent.task["instructions"]
    issue.shows(label="fleet/queued")


def test_somebody_else_starts_from_the_whole_text(world: World) -> None:
    issue = world.writer.opens_issue("Migrate the database", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).asks("Which?", session="s-1")
    issue.tells("asks: `Which?`")
    agent.vanishes()
    world.operator_says(issue, "PostgreSQL")
    world.minutes_pass(121)
    other = world.pull_agent("gpu-2", ["python"]).claims(issue)
    assert (other.task["session"], other.task["keep"]) == (None, False)
    assert "The agent asked: Which?" in other.task["instructions"]
    assert "PostgreSQL" in other.task["instructions"]
    issue.shows(label="fleet/queued")


def test_after_a_failure_the_session_knows_what_was_wrong(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    agent.fails("tests do not pass", session="s-1")
    world.minutes_pass(2)
    agent.claims(issue)
    assert (agent.task["session"], agent.task["keep"]) == ("s-1", False)
    assert "tests do not pass" in agent.task["resume_instructions"]
    agent.fails("context is full", session="s-1", start_afresh=True)
    world.minutes_pass(3)
    assert agent.claims(issue).task["session"] is None
    issue.shows(label="fleet/queued")


def test_a_vanished_run_is_not_gone_on_with(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    agent.reports("thinking", session="s-1")
    agent.vanishes()
    world.minutes_pass(4)
    assert agent.comes_back().drops().claims(issue).task["session"] is None
    issue.shows(label="fleet/queued")


def test_a_session_that_could_be_an_option_is_refused(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    assert agent.reports("thinking", session="--yolo").answer.status_code == 422
    issue.shows(label="fleet/queued")


def test_what_a_run_used_is_added_up_by_model(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    row = {"model": "m", "kind": "step", "in": 1000, "out": 10, "cache_r": 0, "cost_usd": 0.25}
    agent.reports("one", usage=[row])
    agent.reports("two", usage=[row, row])
    shown = world.operator_sees(issue)["current_attempt"]
    assert shown["usage"]["models"] == [
        {"model": "m", "kind": "run", "in": 2000, "out": 20, "cache_r": 0, "cost_usd": 0.5, "estimated_usd": None}
    ]
    agent.finishes({"login.py": "fixed"})
    issue.shows(says="`m` 2.0k tokens in, 20 out, $0.50 reported")
    issue.tells("done in")


def test_what_was_said_while_it_worked_is_said_again_to_a_session_that_goes_on(world: World) -> None:
    """An agent that does not listen, or whose answer got lost, has not heard it."""
    issue = world.writer.opens_issue("Migrate the database", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    agent.reports("thinking", session="s-1")
    world.writer.says(issue, "/fleet say mind the tests").is_answered("gpu-1 is told with its next sign of life")
    agent.asks("Which database?")
    issue.tells("asks: `Which database?`")
    world.writer.says(issue, "/fleet say staging").gets("eyes")
    agent.claims(issue)
    assert agent.task["session"] == "s-1"
    assert "bob said: mind the tests" in agent.task["resume_instructions"]
    assert "bob said: mind the tests" in agent.task["instructions"]
    assert agent.beats() == []
    issue.shows(label="fleet/queued")
