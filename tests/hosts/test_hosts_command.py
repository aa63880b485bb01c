"""agent-fleet hosts, against a real SSH server."""

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from tests.hosts.conftest import Site
from tests.hosts.machines import USER

Fleet = Callable[..., Result]


@pytest.fixture
def fleet(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    for name in [name for name in os.environ if name.startswith("AGENT_FLEET_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "config.toml"
    config.write_text(f"""
[forgejo]
url = "http://forge"
token = "t"
webhook_secret = "s"
[orchestrator]
db_path = "{tmp_path}/data/fleet.db"
[[hosts]]
host_id = "worker-1"
hostname = "127.0.0.1"
ssh_user = "{USER}"
ssh_port = {site.first.port}
ssh_key_path = "{site.key}"
work_dir = "{tmp_path}/work"
agents = [{{ agent_type = "sh" }}, {{ agent_type = "own" }}]
[[hosts]]
host_id = "here"
hostname = "localhost"
ssh_user = "{USER}"
work_dir = "{tmp_path}/local"
agents = [{{ agent_type = "own", max_concurrency = 2 }}]
[[hosts]]
host_id = "keys"
hostname = "localhost"
ssh_user = "{USER}"
allow_same_user = true
work_dir = "{tmp_path}/local"
agents = [
  {{ agent_type = "codex-cli", env_files = {{ OPENAI_API_KEY = "{tmp_path}/open" }} }},
  {{ agent_type = "claude-code" }},
  {{ agent_type = "gemini", env_files = {{ GEMINI_API_KEY = "{tmp_path}/none" }} }},
  {{ agent_type = "own" }},
]
[adapters.own]
command = "/usr/bin/env true"
[adapters.sh]
command = "sh"
""")
    return lambda *args, **more: CliRunner().invoke(cli, ["hosts", *args, "--config", str(config)], **more)


def test_list_names_them(fleet: Fleet) -> None:
    assert "here  " in fleet("list").output
    assert "2 × own" in fleet("list").output
    assert json.loads(fleet("list", "--json").output)[0]["host_id"] == "worker-1"


def test_add_shows_the_fingerprint_and_pins_what_was_confirmed(fleet: Fleet, tmp_path: Path, site: Site) -> None:
    unknown = fleet("check", "worker-1")
    assert unknown.exit_code == 1
    assert "agent-fleet hosts add worker-1" in unknown.output
    refused = fleet("add", "worker-1", input="n\n")
    assert refused.exit_code == 1
    assert "SHA256:" in refused.output
    assert not (tmp_path / "data" / "known_hosts").exists()
    assert fleet("add", "worker-1", input="y\n").exit_code == 0
    assert "already" in fleet("add", "worker-1", "--yes").output
    assert site.first.host_key_line() in (tmp_path / "data" / "known_hosts").read_text()
    checked = fleet("check", "worker-1")
    assert checked.exit_code == 0, checked.output
    assert "Everything needed is there." in checked.output


def test_a_changed_key_is_not_added_beside_the_old_one(fleet: Fleet, tmp_path: Path, site: Site) -> None:
    pinned = tmp_path / "data" / "known_hosts"
    pinned.parent.mkdir()
    pinned.write_text(f"[127.0.0.1]:{site.first.port} {site.second.host_key_line()}\n")
    before = pinned.read_text()
    result = fleet("add", "worker-1", "--yes")
    assert result.exit_code == 1
    assert "somebody stands between" in result.output
    assert pinned.read_text() == before


def test_check_says_what_is_missing(fleet: Fleet) -> None:
    assert fleet("add", "worker-1", "--yes").exit_code == 0
    shown = json.loads(fleet("check", "worker-1", "--json").output)
    assert shown["clis"] == {"sh": "", "/usr/bin/env": ""}
    refused = fleet("check", "here")
    assert "could read its tokens" in refused.output
    assert fleet("add", "here").exit_code == 0
    assert "There is no host nowhere" in fleet("check", "nowhere").output


def test_check_says_which_clis_are_logged_in_and_how_to_do_it(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".claude").mkdir(parents=True)
    (home / ".claude" / ".credentials.json").write_text("{}")
    (tmp_path / "open").write_text("key")
    (tmp_path / "open").chmod(0o644)
    who = pwd.getpwnam(USER)
    monkeypatch.setattr("pwd.getpwnam", lambda _: pwd.struct_passwd((*who[:5], str(home), who[6])))
    shown = " ".join(fleet("check", "keys").output.split())
    assert "codex-cli: logged in (by the variable OPENAI_API_KEY)" in shown
    assert f"OPENAI_API_KEY: {tmp_path}/open can be read by other users. Run `chmod 600` on it." in shown
    assert "claude-code: logged in (by the file ~/.claude/.credentials.json)" in shown
    assert "gemini: no log-in found. Log in once as ssh_user (makes ~/.gemini/oauth_creds.json), or put a key" in shown
    assert f"GEMINI_API_KEY: {tmp_path}/none is not there: runs that need it will not start." in shown
    assert "own: " not in shown
    (tmp_path / "none").write_text("key")
    (tmp_path / "none").chmod(0o600)
    known = json.loads(fleet("check", "keys", "--json").output.partition("\n}")[0] + "}")["log_ins"]
    assert known["gemini"] == "GEMINI_API_KEY"


def test_check_never_runs_a_command_of_the_operators_own(fleet: Fleet, tmp_path: Path) -> None:
    own = tmp_path / "my agent"
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace('command = "sh"', f'command = ["{own}"]'))
    assert fleet("add", "worker-1", "--yes").exit_code == 0
    missing = fleet("check", "worker-1")
    assert missing.exit_code == 1
    assert f"{own}: not found." in missing.output
    own.write_text(f"#!/bin/sh\ntouch {tmp_path}/it-ran\n")
    own.chmod(0o755)
    checked = fleet("check", "worker-1")
    assert checked.exit_code == 0, checked.output
    assert f"{own}: there\n" in checked.output
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("verb", ["add", "check"])
def test_a_host_that_does_not_answer_is_more_likely_a_wrong_address(fleet: Fleet, tmp_path: Path, verb: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace('hostname = "127.0.0.1"', 'hostname = "no-such-host.invalid"'))
    result = fleet(verb, "worker-1")
    assert result.exit_code == 1
    assert "does not answer: " in result.output
    assert "Check hostname and ssh_port" in result.output
