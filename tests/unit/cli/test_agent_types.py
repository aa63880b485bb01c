"""An agent of a host that nothing can start is refused before anything runs, not at each task."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import cli

_CONFIG = """
[forgejo]
url = "http://forge"
token = "t"
webhook_secret = "s"
[[hosts]]
host_id = "vm-1"
hostname = "localhost"
ssh_user = "fleet-agent"
work_dir = "/srv/work"
agents = [{ agent_type = "codex-cli" }, { agent_type = "%s" }]
[adapters.mine]
command = ["%s", "--quiet"]
"""


@pytest.mark.parametrize(
    ("agent_type", "command", "said"),
    [
        ("codx", "mine", "agents[1].agent_type (FILE) names an agent type that does not exist, 'codx'. Did you mean"),
        ("exec", "mine", "agents[1].agent_type (FILE) is 'exec', which has no command by itself. Say under"),
        ("mine", "./mine", "adapters.mine.command (FILE) is './mine', which a host would look for in the repository"),
        ("mine", "~/mine", "Give the full path on the host, or a name found on the PATH there."),
    ],
)
@pytest.mark.parametrize("verb", [["config", "check"], ["hosts", "check", "vm-1"], ["worker"], ["web"], ["serve"]])
def test_what_no_host_could_start_is_refused(
    verb: list[str], agent_type: str, command: str, said: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(_CONFIG % (agent_type, command))
    result = CliRunner().invoke(cli, [*verb, "--config", str(config)])
    assert result.exit_code == 2
    assert said in result.output.replace(str(config), "FILE")


@pytest.mark.parametrize("command", ["mine", "/opt/mine", "{workspace}/tools/mine"])
def test_names_full_paths_and_places_are_good(command: str, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(_CONFIG % ("mine", command))
    assert CliRunner().invoke(cli, ["config", "check", "--config", str(config)]).exit_code == 0


@pytest.mark.parametrize("verb", [["config", "check"], ["worker"], ["serve"]])
def test_a_database_url_that_postgresql_does_not_understand_is_said(tmp_path: Path, verb: list[str]) -> None:
    pytest.importorskip("psycopg")
    config = tmp_path / "config.toml"
    url = "postgresql://fleet:hush%y@db.example/fleet"
    config.write_text(_CONFIG % ("mine", "mine") + f'\n[orchestrator]\ndatabase_url = "{url}"\n')
    result = CliRunner().invoke(cli, [*verb, "--config", str(config)])
    assert result.exit_code == 2, result.output
    assert "orchestrator.database_url" in result.output
    assert "is not understood by PostgreSQL: invalid percent-encoded token. Write it as" in result.output
    assert "hush" not in result.output
