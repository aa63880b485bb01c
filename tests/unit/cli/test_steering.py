"""init, tasks, events, fleet: as an operator types them on the server."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.settings import load
from bot.store import database, given_prompts, open_store, run_logs
from tests.unit.store.filling import a_repo, a_task, claim

Run = Callable[..., Result]
INIT = ("init", "--url", "https://git.example.org", "--token-file", "-")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AGENT_FLEET_")]:
        monkeypatch.delenv(name)
    return lambda *arguments, **more: CliRunner().invoke(cli, arguments, prog_name="agent-fleet", **more)


@pytest.fixture
def filled(run: Run) -> Run:
    assert run(*INIT, input="t0ken-t0ken\n").exit_code == 0
    database.migrate(Path("data/agent-fleet.db"))
    with closing(open_store(Path("data/agent-fleet.db"))) as store:
        a_repo(store)
        a_task(store, "t_1")
        a_task(store, "t_2")
        store.write(lambda sql: claim(sql, "t_2", "gpu-1"))
        store.write(lambda sql: run_logs.append(sql, "t_2", 1, 0, "hello from the agent\n"))
    return run


def test_init_writes_what_the_service_starts_with(run: Run) -> None:
    made = run(*INIT, "--public-url", "https://fleet.example.org", "--port", "9191", input="t0ken-t0ken\n")
    assert made.exit_code == 0, made.output
    path = Path("agent-fleet.toml")
    assert path.stat().st_mode & 0o777 == 0o600
    settings = load(None, {}).settings
    assert (settings.forgejo.url, settings.forgejo.token.get_secret_value()) == (
        "https://git.example.org",
        "t0ken-t0ken",
    )
    assert (settings.server.port, settings.server.url) == (9191, "https://fleet.example.org")
    secrets = {settings.forgejo.webhook_secret, settings.orchestrator.http_pull_token}
    assert len(secrets) == 2
    assert all(len(secret.get_secret_value()) >= 40 for secret in secrets)
    assert not any(secret.get_secret_value() in made.output for secret in secrets)
    assert "agent-fleet doctor" in made.output
    before = path.read_text()
    again = run(*INIT, input="other\n")
    assert (again.exit_code, path.read_text()) == (1, before)
    assert "agent-fleet.toml exists already." in again.output
    assert [p.name for p in Path().iterdir()] == ["agent-fleet.toml"]


def test_init_asks_for_what_is_not_given(run: Run) -> None:
    made = run("init", "--output", "other.toml", input="https://git.example.org/\nt0ken-t0ken\n")
    assert made.exit_code == 0, made.output
    assert "https://git.example.org/user/settings/applications" in made.output
    assert "t0ken" not in made.output
    assert "agent-fleet --config other.toml doctor" in made.output
    assert "Only this machine reaches http://127.0.0.1:9090." in made.output
    same = run("init", "--output", "third.toml", input="http://localhost:3000\nt0ken-t0ken\n")
    assert "Only this machine" not in same.output


def test_init_refuses_what_would_not_start(run: Run) -> None:
    made = run("init", "--url", "git.example.org", "--token-file", "-", input="t0ken\n")
    assert made.exit_code == 2
    assert "forgejo.url must be a full address" in made.output
    assert not list(Path().iterdir())


def test_tasks_are_listed_and_shown(filled: Run) -> None:
    lines = filled("tasks", "list").output.splitlines()
    assert lines[1].split()[:5] == ["t_2", "ann/lab#2", "assigned", "1", "gpu-1"]
    assert lines[2].split()[:5] == ["t_1", "ann/lab#1", "queued", "–", "–"]
    assert [x["id"] for x in json.loads(filled("tasks", "list", "--state", "queued", "--json").output)] == ["t_1"]
    assert filled("tasks", "list", "--repo", "zoe/none").output.startswith("No task is like that.")
    shown = filled("tasks", "show", "t_2").output
    assert shown.startswith("t_2  ann/lab#2  assigned\n")
    assert "attempt 1: gpu-1" in shown
    assert "claimed" in shown
    assert [x["kind"] for x in json.loads(filled("tasks", "show", "t_2", "--json").output)["events"]] == [
        "task_created",
        "claimed",
    ]
    assert filled("tasks", "logs", "t_2").output == "hello from the agent\n"
    untold = filled("tasks", "prompt", "t_2")
    assert (untold.exit_code, "What attempt 1 was told is not known" in untold.output) == (1, True)
    with closing(open_store(Path("data/agent-fleet.db"))) as store:
        given = {"template": "", "policy_sha256": "", "at": 1.0}
        store.write(lambda sql: given_prompts.keep(sql, "t_2", 1, "input", "Fix \x1b[1mit\n", **given))  # type: ignore[arg-type]
    assert filled("tasks", "prompt", "t_2").stdout_bytes == b"Fix \x1b[1mit\n", "byte for byte"
    assert json.loads(filled("tasks", "prompt", "t_2", "--attempt", "1", "--json").output)["form"] == "input"
    missing = filled("tasks", "show", "t_99")
    assert missing.exit_code == 1
    assert "There is no task 't_99'" in missing.output
    assert "`agent-fleet tasks list`" in missing.output


def test_a_task_is_named_as_lists_name_it(filled: Run) -> None:
    assert filled("tasks", "show", "Ann/lab#2").output == filled("tasks", "show", "t_2").output
    assert filled("tasks", "logs", "ann/lab#2").output == "hello from the agent\n"
    assert filled("tasks", "cancel", "ann/lab#1").output == "t_1  ann/lab#1  cancelled\n"
    for nothing in ("ann/lab#99", "zoe/none#1", "ann/lab#", "#1"):
        missing = filled("tasks", "hold", nothing)
        assert (missing.exit_code, f"There is no task '{nothing}'." in missing.output) == (1, True)
        assert "owner/repo#issue; `agent-fleet tasks list` shows both" in missing.output


def test_tasks_are_steered(filled: Run) -> None:
    assert filled("tasks", "hold", "t_1", "--reason", "later").output == "t_1  ann/lab#1  held\n"
    assert filled("tasks", "unhold", "t_1").output == "t_1  ann/lab#1  queued\n"
    assert filled("tasks", "cancel", "t_1").output == "t_1  ann/lab#1  cancelled\n"
    twice = filled("tasks", "cancel", "t_1")
    assert twice.exit_code == 1
    assert "A task that is cancelled cannot be cancelled." in twice.output
    assert "That is possible for a task that is: requested, queued, held, assigned, running" in twice.output
    assert json.loads(filled("tasks", "retry", "t_1", "--json").output)["state"] == "queued"
    assert filled("verify").exit_code == 0


def test_events_are_told(filled: Run) -> None:
    lines = filled("events", "tail").output.splitlines()
    assert len(lines) == 3
    assert "t_2  claimed" in lines[-1]
    assert "agent=gpu-1" in lines[-1]
    [last] = filled("events", "tail", "-n", "1", "--json").output.splitlines()
    assert (json.loads(last)["kind"], json.loads(last)["data"]["agent"]) == ("claimed", "gpu-1")


def test_the_fleet_is_paused_and_resumed(filled: Run) -> None:
    assert "Nothing is paused." in filled("fleet", "status").output
    assert filled("fleet", "pause", "the disk is full").exit_code == 0
    status = filled("fleet", "status").output
    assert "Tasks: 1 assigned, 1 queued" in status
    assert "Paused: the whole fleet, by " in status
    assert "the disk is full" in status
    assert filled("fleet", "pause", "here", "--repo", "ann/lab").exit_code == 0
    assert [x["repo"] for x in json.loads(filled("fleet", "status", "--json").output)["pauses"]] == ["", "ann/lab"]
    for arguments in (["--repo", "ann/lab"], []):
        assert filled("fleet", "resume", *arguments).exit_code == 0
    again = filled("fleet", "resume")
    assert again.exit_code == 1
    assert "No command has paused the whole fleet." in again.output
    assert filled("fleet", "pause", "x", "--repo", "zoe/none").exit_code == 1


def test_a_halt_stops_what_runs(filled: Run) -> None:
    assert "Cancelled 1 running task in the whole fleet" in filled("fleet", "halt", "nonsense is pushed").output
    assert [x["id"] for x in json.loads(filled("tasks", "list", "--state", "cancelled", "--json").output)] == ["t_2"]
    assert filled("verify").exit_code == 0
