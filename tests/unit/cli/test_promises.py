"""What every command keeps: JSON for programs, stable exit codes, no colours where none belong, no traceback."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.store import attempts, open_store, run_logs
from bot.store.database import migrate
from tests.unit.store.filling import a_repo, a_task, claim

ROOT: Final = Path(__file__).parents[3]
ESCAPE: Final = re.compile(r"[\x1b\r]")

#: Commands without --json, and why.
WITHOUT_JSON: Final = {
    "agent": "runs until it is stopped; its log is JSON in a pipe",
    "serve": "runs until it is stopped; its log is JSON in a pipe",
    "web": "runs until it is stopped; its log is JSON in a pipe",
    "worker": "runs until it is stopped; its log is JSON in a pipe",
    "mcp": "speaks JSON-RPC",
    "demo": "a show for people",
    "completion": "prints a script",
    "docs build": "for people who change the code",
    "export": "prints JSON lines, always",
    "receipts show": "prints the receipt, which is JSON",
}
#: What each of the others is called with here, on a database with one task that runs and nothing that answers.
#: ``…`` at the end: it refuses, because the forge or a host is away, or there is nothing of that kind.
CALLS: Final = {
    "agents list": "",
    "agents token": "gpu-1",
    "backup": "b.tar",
    "config check": "",
    "config show": "",
    "db copy": "--to copy.db",
    "doctor": "--wait 0",
    "events tail": "",
    "fleet status": "",
    "hosts add": "none …",
    "hosts check": "none …",
    "hosts list": "",
    "import-seed": "agent-fleet.toml",
    "init": "--url http://forge --token-file token --output new.toml",
    "migrate": "",
    "notify list": "",
    "notify test": "…",
    "receipts key": "",
    "receipts rotate-key": "",
    "receipts verify": "token --pubkey token …",
    "restore": "token …",
    "setup": "a/b …",
    "tasks cancel": "t_1",
    "tasks hold": "t_2",
    "tasks list": "",
    "tasks logs": "t_1",
    "tasks prompt": "t_1 …",
    "tasks retry": "t_2 …",
    "tasks show": "t_1",
    "tasks unhold": "t_2",
    "tokens create": "--role read",
    "tokens list": "",
    "tokens revoke": "none …",
    "unsetup": "a/b …",
    "verify": "",
    "fleet pause": "why",
    "fleet resume": "",
    "fleet halt": "last",
}


def leaves(command: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from leaves(inner, (*path, name))


LEAVES: Final = dict(leaves())


def options(command: click.Command) -> set[str]:
    return {name for one in command.params for name in one.opts}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("t0ken-t0ken")
    (tmp_path / "agent-fleet.toml").write_text(
        '[forgejo]\nurl = "http://127.0.0.1:1"\ntoken = "t0ken-t0ken"\nwebhook_secret = "s3cret-s3cret"\n'
        '[server]\npublic_url = "http://127.0.0.1:1"\n[orchestrator]\ndb_path = "fleet.db"\n'
    )
    (tmp_path / "agent-fleet.toml").chmod(0o600)
    return tmp_path


def filled(here: Path) -> None:
    migrate(here / "fleet.db")
    store = open_store(here / "fleet.db")
    a_repo(store)
    for number in (1, 2):
        a_task(store, f"t_{number}", requirements=("python",))
    store.write(lambda sql: claim(sql, "t_1"))
    store.write(lambda sql: run_logs.append(sql, "t_1", 1, 0, "said\n"))
    assert store.read(lambda sql: attempts.count_running(sql, "gpu-1")) == 1
    store.close()


def run(*arguments: str, **env: str) -> Result:
    return CliRunner(env={"COLUMNS": "80", **env}).invoke(cli, arguments, prog_name="agent-fleet")


def test_every_command_speaks_json_or_says_why_not() -> None:
    silent = {name for name, command in LEAVES.items() if "--json" not in options(command)}
    assert silent == WITHOUT_JSON.keys()
    assert LEAVES.keys() - silent == CALLS.keys()


def test_what_json_gives_is_json_and_the_code_says_how_it_went(here: Path) -> None:
    filled(here)
    for name, said in CALLS.items():
        words = said.removesuffix("…").split()
        result = run(*name.split(), *words, "--json", FORCE_COLOR="1", TERM="xterm")
        assert result.exit_code in (0, 1, 2, 3), f"{name}: {result.output} {result.exception!r}"
        assert result.exception is None or isinstance(result.exception, SystemExit), f"{name}: {result.exception!r}"
        assert not ESCAPE.search(result.stdout), name
        if said.endswith("…"):
            assert result.exit_code != 0, f"{name}: {result.output}"
        else:
            assert result.exit_code == 0 or name == "doctor", f"{name}: {result.output}"
        lines = result.stdout.splitlines() if name in ("tasks logs", "events tail") else [result.stdout]
        for line in lines:
            assert not line or json.loads(line) is not None, f"{name}: {line}"
        assert result.stdout or result.exit_code, f"{name} says nothing"
        assert "s3cret-s3cret" not in result.output, name


@pytest.mark.parametrize("name", LEAVES)
def test_help_and_wrong_usage(name: str, here: Path) -> None:
    helped = run(*name.split(), "--help")
    assert (helped.exit_code, helped.output.startswith("Usage: agent-fleet ")) == (0, True)
    assert len(LEAVES[name].help or "") > 20
    wrong = run(*name.split(), "--no-such-option")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "Usage: agent-fleet" in wrong.stderr


@pytest.mark.parametrize("name", [name for name, command in LEAVES.items() if "--config" in options(command)])
def test_wrong_settings_end_with_two(name: str, here: Path) -> None:
    (here / "agent-fleet.toml").write_text("[server]\nprot = 1\n")
    words = CALLS.get(name, "").removesuffix("…").split()
    if name in ("agent", "receipts verify"):
        return  # they need no settings: the one has options of its own, the other works offline
    result = run(*name.split(), *words, *(["t_1"] if name == "receipts show" else []))
    assert result.exit_code == 2, f"{result.exit_code} {result.output}"
    assert "Did you mean server.port?" in result.output


def test_no_color_wins_over_everything(here: Path) -> None:
    filled(here)
    for name in ("doctor", "tasks list", "agents list", "fleet status", "hosts list"):
        words = CALLS[name].split()
        result = run(*name.split(), *words, NO_COLOR="1", FORCE_COLOR="1", TERM="xterm-256color")
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]", result.output), name
        piped = run(*name.split(), *words)
        assert not ESCAPE.search(piped.output), f"{name}: colours in a pipe"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_that_asks_us(shell: str, here: Path) -> None:
    script = run("completion", shell).output
    assert "_AGENT_FLEET_COMPLETE" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    env = {"_AGENT_FLEET_COMPLETE": f"{shell}_complete", "COMP_WORDS": "agent-fleet fl", "COMP_CWORD": "1"}
    answered = run(**env | ({"COMP_CWORD": "fl"} if shell == "fish" else {}))
    assert "fleet" in answered.output


def test_the_exit_codes_are_documented() -> None:
    page = (ROOT / "docs/how-to/use-in-scripts.md").read_text("utf-8")
    for code in ("0", "1", "2"):
        assert f"| {code} |" in page
    for name in WITHOUT_JSON:
        assert f"`{name}`" in page, name
