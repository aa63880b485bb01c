"""An agent that knows nothing but MCP, by the protocol's own client over stdio."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client, StdioServerParameters

from bot.mcp.desk import Desk
from bot.mcp.server import make_server
from bot.store import tokens
from tests.world import World
from tests.world.world import ENROLMENT

ROOT: Final = Path(__file__).parents[2]


class Tools:
    """Calls of tools, their answers as JSON, their errors as text."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def __call__(self, name: str, **arguments: Any) -> Any:
        result: Any = await self._client.call_tool(name, arguments)
        said = "".join(part.text for part in result.content)
        if result.is_error:
            return said
        try:
            return json.loads(said)
        except ValueError:
            return said


def git(*args: str, cwd: Path) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.test"]
    return subprocess.run(["git", *who, *args], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


def test_from_the_label_to_the_pull_request_over_stdio(world: World, tmp_path: Path) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "token").write_text(ENROLMENT)
    arguments = ["-m", "bot", "mcp", "--server", world.url, "--id", "by-mcp", "--work-dir", str(work)]
    server = StdioServerParameters(
        command=sys.executable,
        args=[*arguments, "--token-file", str(tmp_path / "token")],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
    )

    async def story() -> None:
        async with Client(server) as client:
            tool = Tools(client)
            registered = await tool("register", agent_type="claude-code", capabilities=["python"])
            assert "agent_token" not in registered
            pulled = await tool("pull_task")
            task_id = pulled["task"]["task_id"]
            assert "Fix the login" in pulled["task"]["instructions"]
            assert (await tool("report_progress", task_id=task_id, message="half", log="one\n"))["cancel"] is False
            assert (await tool("report_progress", task_id=task_id, message="more", log="two\n"))["log_offset"] == 8
            source = await tool("get_source", task_id=task_id)
            sha = source.split()[-1].rstrip(".")
            git("init", "-q", "clone", cwd=work)
            git("fetch", "-q", f"../{task_id}.source.bundle", "+refs/*:refs/source/*", cwd=work / "clone")
            git("checkout", "-q", sha, cwd=work / "clone")
            (work / "clone" / "login.py").write_text("fixed")
            git("commit", "-qam", "Fix the login", cwd=work / "clone")
            git("branch", "result", cwd=work / "clone")
            git("bundle", "create", "-q", "../result.bundle", f"{sha}..result", cwd=work / "clone")
            assert "There is no file" in await tool("send_result", task_id=task_id, bundle="../../token-none")
            assert (await tool("send_result", task_id=task_id, bundle="result.bundle"))["files_changed"] == 1
            assert "You hold no task t_other" in await tool("complete_task", task_id="t_other", summary="x")
            await tool("complete_task", task_id=task_id, summary="Fixed by MCP.")
            assert (await tool("pull_task"))["task"] is None

    asyncio.run(story())
    world.settles()
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("done in")


def in_process(world: World, token: str, name: str) -> Client:
    return Client(make_server(Desk(world.url, name, token, None)))


def test_a_question_is_asked_and_answered_by_tools(world: World) -> None:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    now = world.clock()
    operator = world.store.write(lambda sql: tokens.create(sql, name="ops", role="write", at=now))

    async def asks() -> str:
        async with in_process(world, ENROLMENT, "by-mcp") as client:
            tool = Tools(client)
            await tool("register", agent_type="claude-code", capabilities=["python"])
            task_id = str((await tool("pull_task"))["task"]["task_id"])
            assert (await tool("heartbeat"))["commands"] == []
            assert "started without --work-dir" in await tool("get_source", task_id=task_id)
            await tool("report_progress", task_id=task_id, message="on it")
            await tool("ask_question", task_id=task_id, question="Which key?")
            refused = await tool("list_tasks")
            assert "token" in refused
            return task_id

    async def answers(task_id: str) -> None:
        async with in_process(world, operator, "nobody") as client:
            tool = Tools(client)
            [listed] = (await tool("list_tasks", state=["waiting"]))["tasks"]
            assert listed["task_id"] == task_id
            await tool("say", task_id=task_id, answer="The blue one.")
            assert (await tool("show_task", task_id=task_id))["state"] == "queued"
            assert "no task" in await tool("show_task", task_id="../fleet")

    task_id = asyncio.run(asks())
    world.settles()
    issue.tells("Which key?")
    asyncio.run(answers(task_id))
    issue.shows(label="fleet/queued")


def test_a_server_that_is_away_is_said_and_no_token_shown(world: World) -> None:
    async def story() -> Any:
        desk = Desk("http://127.0.0.1:1", "a", "t0ken-t0ken", None)
        async with Client(make_server(desk)) as client:
            return await Tools(client)("pull_task")

    said = asyncio.run(story())
    assert "try again in a moment" in said
    assert "t0ken" not in said


@pytest.mark.parametrize("arguments", [[], ["--token-env", "X", "--token-file", "f"], ["--token-env", "NOT_SET_HERE"]])
def test_a_token_is_needed(arguments: list[str]) -> None:
    from click.testing import CliRunner

    from bot.cli import cli

    result = CliRunner().invoke(cli, ["mcp", "--server", "http://127.0.0.1:1", *arguments])
    assert result.exit_code in (1, 2)
    assert "--token-file" in result.output
