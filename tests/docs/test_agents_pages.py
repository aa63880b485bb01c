"""The pages for those who bring an agent, followed to the letter against a server with a task for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from bot.store import agents, tokens
from tests.docs.pages import ROOT, need_tools, run
from tests.world.world import World, world

EXAMPLE = "https://fleet.example.org"


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[World]:
    need_tools()
    with world(tmp_path / "world") as made:
        yield made


def token_of(fleet: World, agent: str) -> str:
    """As `agent-fleet agents token` makes it."""
    now = fleet.clock()
    return fleet.store.write(lambda sql: tokens.create(sql, name=agent, role="agent", agent=agent, at=now))


def test_an_agent_joins_by_the_skill(fleet: World, tmp_path: Path) -> None:
    issue = fleet.writer.opens_issue("Say how to log in", labels=["agent:any"])
    fleet.settles()
    page = ROOT / "docs/agent-skill.md"
    run(page, tmp_path, {EXAMPLE: fleet.url}, {"TOKEN": token_of(fleet, "scribe-1")})
    issue.shows(label="fleet/review", status="success", pull_request=1)
    issue.tells("@bob done in")
    assert "scribe-1" in issue.pull().body
    assert fleet.repo.read_file(issue.branches()[0], "LOGIN.md") == "How to log in: with your name.\n"


def test_the_server_serves_the_skill_with_its_own_address(fleet: World) -> None:
    answer = requests.get(f"{fleet.url}/skill.md", timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/markdown")
    assert f"FLEET={fleet.url}\n" in answer.text
    assert answer.text.startswith("---\nname: agent-fleet\n")
    assert "<!--" not in answer.text
    assert EXAMPLE not in answer.text


def test_a_pull_agent_in_forty_lines_of_shell(fleet: World, tmp_path: Path) -> None:
    issue = fleet.writer.opens_issue("Where is help?", labels=["agent:any"])
    fleet.settles()
    page = ROOT / "docs/how-to/write-a-pull-agent.md"
    program = page.read_text("utf-8").split("<<'END'\n")[1].split("\nEND\n")[0]
    assert len([line for line in program.splitlines() if line and not line.startswith("#")]) <= 40
    run(page, tmp_path, {EXAMPLE: fleet.url}, {"TOKEN": token_of(fleet, "bash-1")})
    issue.shows(label="fleet/review", status="success", pull_request=1)
    issue.tells("@bob done in")
    assert "Wrote HELP.md." in issue.pull().body
    assert fleet.repo.read_file(issue.branches()[0], "HELP.md") == "See the wiki.\n"


def test_a_pull_agent_of_ours(fleet: World, tmp_path: Path) -> None:
    config, etc, home = tmp_path / "work/agent-fleet.toml", tmp_path / "etc", tmp_path / "var"
    config.parent.mkdir()
    config.write_text(f'[orchestrator]\ndb_path = "{fleet.settings.orchestrator.db_path}"\n')
    etc.mkdir()
    run(
        ROOT / "docs/how-to/run-a-pull-agent.md",
        tmp_path,
        {EXAMPLE: fleet.url, "/etc/agent-fleet": str(etc), "/var/lib/agent-fleet": str(home), "my-agent": "true"},
    )
    assert [agent.id for agent in fleet.fleet.read(agents.listed)] == ["gpu-1"]
