"""Attempts fail, are tried again, and at last given up."""

from tests.world import World


def test_a_failed_attempt_is_tried_again_after_a_while(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    agent.claims(issue).fails("3 of 212 tests fail")
    agent.gets_nothing()
    issue.shows(label="fleet/queued", says="Attempt 1 failed: the agent reported a failure (`3 of 212 tests fail`).")
    world.minutes_pass(1)
    agent.claims(issue).finishes({"login.py": "fixed"})
    issue.shows(label="fleet/review", pull_request=1, says="attempt 1, `exec` on `gpu-1`, failed")
    issue.tells("done in")


def test_it_is_given_up_after_the_allowed_retries(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    for number in range(3):
        agent.claims(issue).fails(f"{9 - number} tests do not pass")
        world.minutes_pass(5)
    agent.gets_nothing()
    issue.shows(label="fleet/failed", pull_request=0)
    issue.tells("@bob attempt 3 failed after")


def test_the_same_error_twice_is_no_progress(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    agent.claims(issue).fails("3 tests do not pass, 4.2s")
    world.minutes_pass(5)
    agent.claims(issue).fails("3 tests do not pass, 5.1s")
    issue.shows(label="fleet/failed")
    issue.tells("the same twice in a row, so it is not tried again")


def test_the_same_change_twice_is_no_progress(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    for number in (1, 2):
        assert agent.claims(issue).sends({"login.py": "fixed"}).status_code == 200
        agent.fails(f"try {number}", reason="checks_failed")
        world.minutes_pass(5)
    issue.shows(label="fleet/failed")
    issue.tells("the same twice in a row")


def test_an_agents_own_trouble_sends_the_task_to_another(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    one, two = world.pull_agent("gpu-1", ["python"]), world.pull_agent("gpu-2", ["python"])
    one.claims(issue).fails("401 from the provider", reason="auth")
    issue.shows(label="fleet/queued", says="Log the agent in again")
    world.minutes_pass(2)
    one.gets_nothing()
    two.claims(issue).fails("401 from the provider", reason="auth")
    world.minutes_pass(3)
    two.gets_nothing()
    world.minutes_pass(14)
    one.claims(issue).finds_nothing("fine")
    issue.tells("found nothing to change")


def test_a_provider_says_when_to_come_again(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    for _ in range(3):  # more often than a task may fail by itself
        agent.claims(issue).fails("usage limit, try again in 2h", reason="quota_until")
        world.minutes_pass(119)
        world.restarts()
        agent.gets_nothing()
        world.minutes_pass(5)
    agent.claims(issue).finds_nothing("fine")
    issue.tells("found nothing to change")


def test_the_time_limit_ends_an_attempt(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"])
    for attempt in (1, 2, 3):
        agent.claims(issue).starts()
        assert agent.fence == attempt
        world.minutes_pass(31)
        agent.is_told("drop")
        agent.drops()
        world.minutes_pass(3)
    issue.shows(label="fleet/failed")
    issue.tells("the time limit was reached")


def test_an_attempt_that_changes_nothing_and_says_nothing_has_failed(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    agent.completes("no_change")
    issue.shows(label="fleet/queued", says="the agent changed nothing and did not say why")


def test_a_result_that_touches_protected_files_is_refused(world: World) -> None:
    issue = world.writer.opens_issue("Fix the pipeline", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    refused = agent.sends({".forgejo/workflows/ci.yml": "on: push"})
    assert refused.status_code == 422
    assert ".forgejo/workflows/ci.yml" in refused.json()["detail"]
    agent.fails("the result was refused", reason="policy")
    issue.shows(label="fleet/failed", pull_request=0)
    issue.tells("the change is not allowed here")
    assert issue.branches() == []


def test_a_secret_of_ours_never_reaches_the_forge(world: World) -> None:
    issue = world.writer.opens_issue("Print the token", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    refused = agent.sends({"notes.txt": f"token: {world.bot.token}"})
    assert refused.status_code == 422
    assert world.bot.token not in refused.text
    agent.fails("refused", reason="policy")
    issue.tells("the change is not allowed here")


def test_a_receipt_that_contradicts_the_facts_is_refused(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    assert agent.sends({"login.py": "fixed"}).status_code == 200
    agent.completes("done", "Done.", process={"exit_code": 1})
    assert agent.answer.status_code == 422
    assert "r2" in agent.answer.json()["detail"]
    issue.shows(label="fleet/queued", pull_request=0)
    agent.completes("done", "Done.", process={"exit_code": 0})
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("done in")


def test_the_same_completion_again_gets_the_same_answer(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue)
    agent.sends({"login.py": "fixed"})
    first = agent.completes("done", "Done.").answer.json()
    assert agent.completes("done", "Done.").answer.json() == first
    agent.completes("done", "Something else.").is_refused("with another content")
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("done in")


def test_a_question_frees_the_agent_and_the_answer_goes_back_to_it(world: World) -> None:
    issue = world.writer.opens_issue("Migrate the database", labels=["agent:python"])
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).asks("Which database?")
    issue.shows(label="fleet/waiting")
    issue.tells("@bob gpu-1 asks: `Which database?`")
    agent.gets_nothing()
    world.operator_says(issue, "PostgreSQL")
    world.pull_agent("gpu-2", ["python"]).gets_nothing()
    agent.claims(issue)
    assert any("PostgreSQL" in line for line in agent.task["context"])
    agent.finishes({"login.py": "fixed"})
    issue.tells("done in")


def test_a_question_that_nobody_answers_ends_the_task(world: World) -> None:
    issue = world.writer.opens_issue("Migrate the database", labels=["agent:python"])
    world.pull_agent("gpu-1", ["python"]).claims(issue).asks("Which database?")
    issue.tells("asks: `Which database?`")
    world.minutes_pass(121)
    issue.shows(label="fleet/failed")
    issue.tells("nobody answered the agent's question")
