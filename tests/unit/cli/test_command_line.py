"""The command line: exit codes, what is printed, and that a failure says what to do."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import click
import pytest
from click.testing import CliRunner, Result

import bot
from bot.cli import COMMANDS, cli
from bot.cli.docs import DOCUMENTS, stale_documents
from bot.cli.failures import translated
from bot.core.errors import Refused, Unavailable
from bot.settings import Settings

ROOT: Final = Path(__file__).parents[3]
GOOD: Final = '[forgejo]\nurl = "http://forge"\ntoken = "t0ken"\nwebhook_secret = "s3cret"\n'


@pytest.fixture(autouse=True)
def _an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, **env: str) -> Result:
    return CliRunner(env=env).invoke(cli, arguments, prog_name="agent-fleet")


@pytest.fixture
def good(tmp_path: Path) -> str:
    (tmp_path / "good.toml").write_text(GOOD)
    return str(tmp_path / "good.toml")


def test_the_version() -> None:
    assert run("--version").output == f"agent-fleet {bot.__version__}\n"


def test_every_command_is_there_and_explains_itself() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in COMMANDS:
        assert name in result.output
        assert run(name, "--help").exit_code == 0


def test_check_is_content(good: str) -> None:
    result = run("config", "check", "--config", good)
    assert (result.exit_code, result.output) == (0, f"Read {good}.\nThe settings are good.\n")


def test_config_may_stand_before_the_command(good: str) -> None:
    assert run("--config", good, "config", "check").exit_code == 0


def test_check_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(GOOD + "[server]\nprot = 1\n")
    result = run("config", "check")
    assert result.exit_code == 2
    assert result.output == (
        "Read config.toml.\nserver.prot (config.toml) is not a setting. Did you mean server.port?\n"
    )


def test_check_for_programs(tmp_path: Path, good: str) -> None:
    fine = json.loads(run("config", "check", "--json", "--config", good).output)
    assert fine == {"ok": True, "files_read": [good], "problems": []}
    result = run("config", "check", "--json", "--config", str(tmp_path / "none"))
    assert result.exit_code == 2
    answer = json.loads(result.output)
    assert (answer["ok"], answer["files_read"]) == (False, [])
    assert answer["problems"][0].keys() == {"key", "reason", "fix", "source"}


def test_show_masks_secrets_and_names_sources(good: str) -> None:
    result = run("config", "show", "--config", good, AGENT_FLEET_SERVER__PORT="99")
    assert result.exit_code == 0
    assert "port = 99  # AGENT_FLEET_SERVER__PORT\n" in result.output
    assert 'token = "********"' in result.output
    as_json = run("config", "show", "--json", "--config", good)
    assert json.loads(as_json.output)["settings"]["forgejo"]["token"] == "********"
    assert "t0ken" not in result.output + as_json.output
    assert "s3cret" not in result.output + as_json.output


@pytest.mark.parametrize("before", [[], ["serve"]])
def test_no_command_means_serve(good: str, before: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    server = ModuleType("bot.web.server")
    server.serve = served.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bot.web.server", server)
    result = run(*before, "--config", good, "--bind", "0.0.0.0", "--port", "8000")
    assert result.exit_code == 0, result.output
    assert served[0].server.listen == "0.0.0.0:8000"


def test_wrong_settings_end_a_command_with_two_and_no_traceback(good: str) -> None:
    result = run("--config", good, "--port", "0")
    assert result.exit_code == 2
    assert result.output == "Error: The settings have a problem.\n  server.port (--port) must be 1 or more, not 0.\n"


@pytest.mark.parametrize(
    "arguments", [["frob"], ["--port", "x"], ["config", "frob"], ["--port", "1", "config", "show"]]
)
def test_wrong_usage_ends_with_two(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


LATER = "; when it stays so, `agent-fleet doctor` says why, and how to put it right."


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refused("No such task.", "See `tasks list`."), ["No such task.", "What to do: See `tasks list`."]),
        (Refused("Already [bold]done[/]."), ["Already [bold]done[/]."]),
        (Unavailable("The forge is down.", 30), ["The forge is down.", f"What to do: Try again in 30 s{LATER}"]),
        (Unavailable("The forge is down."), ["The forge is down.", f"What to do: Try again later{LATER}"]),
    ],
)
def test_a_failure_is_what_why_and_what_to_do(
    error: Exception, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(click.ClickException) as caught, translated():
        raise error
    caught.value.show()
    assert caught.value.exit_code == 1
    assert capsys.readouterr().err == "Error: " + "\n".join(said) + "\n"


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color_is_obeyed(no_color: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with pytest.raises(click.ClickException) as caught, translated():
        raise Refused("No.")
    caught.value.show()
    assert ("\x1b[1;31m" in capsys.readouterr().err) is (not no_color)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_AGENT_FLEET_COMPLETE={shell}_complete" in result.output


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.path)
def test_generated_files_are_current(document: object) -> None:
    assert document not in stale_documents(ROOT), "run `agent-fleet docs build` and commit the result"


def test_docs_are_built_and_checked(tmp_path: Path) -> None:
    assert run("docs", "build").exit_code == 1
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "bot").mkdir()
    stale = run("docs", "build", "--check")
    assert stale.exit_code == 1
    assert "Not what the code says any more: config.example.toml," in stale.output
    assert run("docs", "build").output.startswith("wrote config.example.toml\n")
    assert run("docs", "build", "--check").exit_code == 0


def test_the_example_configuration_is_accepted_with_every_line_switched_on(tmp_path: Path) -> None:
    example = (ROOT / "config.example.toml").read_text("utf-8")
    assert run("config", "check", "--config", str(ROOT / "config.example.toml")).exit_code == 0
    lines = example.splitlines()
    switched_on = "\n".join(
        line.removeprefix("# ") if re.match(r"# (\w+ = |\[|\]|  \{)", line) else line for line in lines
    )
    (tmp_path / "all.toml").write_text(switched_on)
    result = run("config", "check", "--config", "all.toml")
    assert result.exit_code == 0, result.output


def test_the_console_script_starts() -> None:
    code = "from bot.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "frob"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'frob'" in done.stderr


def test_a_file_that_cannot_be_read_is_not_called_no_file(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[")
    said = run("--config", str(tmp_path / "bad.toml"), "config", "check").output
    assert said.startswith(f"{tmp_path}/bad.toml is not valid TOML")
