"""The configuration of an earlier agent-fleet, key by key."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.core.seed_text import MEANS
from bot.settings import load
from bot.store.database import migrate
from tests.unit.test_settings import SEED


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.toml"
    path.write_text(
        SEED.replace('token = "…"', 'token = "t0ken-t0ken"').replace('secret = "…"', 'secret = "hush-hush"')
    )
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["import-seed", *arguments], prog_name="agent-fleet")


def said(result: Result) -> dict[str, tuple[str, str]]:
    return {one["key"]: (one["verdict"], one["said"]) for one in json.loads(result.stdout)["keys"]}


def test_every_key_of_the_seed_is_explained_and_kept(earlier: Path) -> None:
    result = run(str(earlier))
    assert result.exit_code == 0, result.output
    for key in (
        "server.bind",
        "orchestrator.dispatch_interval_secs",
        "hosts[0].work_dir",
        "hosts[1].agents[0].agent_type",
    ):
        assert f"{key}: kept. " in result.output
    assert (
        "hosts[0]: needs your attention. Compare and keep the host's key, once: `agent-fleet hosts add" in result.output
    )
    assert "There is no file /home/deploy/.ssh/id_ed25519 on this machine." in result.output
    assert "hush" not in result.output
    assert "t0ken" not in result.output
    assert MEANS["forgejo.token"] in result.output


def test_what_is_written_is_the_same_configuration_for_its_owner_only(earlier: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.toml"
    result = run(str(earlier), "--write", str(new), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["written"] == str(new)
    assert new.stat().st_mode & 0o777 == 0o600
    assert load(new, {}).settings == load(earlier, {}).settings
    before = new.read_text()
    again = run(str(earlier), "--write", str(new))
    assert (again.exit_code, new.read_text()) == (1, before)
    assert "exists already" in again.output
    assert "hush" not in result.output + again.output


def test_names_that_changed_are_moved_and_strange_ones_left_out(earlier: Path, tmp_path: Path) -> None:
    text = earlier.read_text().replace('bind = "0.0.0.0"', 'host = "127.0.0.1"\ntheme = "dark-s3cret"')
    text = text.replace("[orchestrator]", "[orchestrator]\nretry_backoff = 7\nthreads = 9").replace(
        "ssh_port", "sshport"
    )
    earlier.write_text(text + "[colours]\nred = 1\n")
    new = tmp_path / "new.toml"
    result = run(str(earlier), "--write", str(new), "--json")
    found = said(result)
    assert found["server.host"][0] == "renamed"
    assert found["server.host"][1].startswith("It is called server.bind here.")
    assert found["orchestrator.retry_backoff"][1].startswith("It is called orchestrator.retry_backoff_secs here.")
    assert found["orchestrator.threads"][1].startswith("It is called server.threads here.")
    assert found["server.theme"][0] == found["colours.red"][0] == "ignored"
    assert found["hosts[0].sshport"] == (
        "ignored", "There is no such setting here, and it is left out. Did you mean ssh_port?",
    )  # fmt: skip
    settings = load(new, {}).settings
    assert (settings.server.bind, settings.orchestrator.retry_backoff_secs, settings.server.threads) == (
        "127.0.0.1", 7, 9,
    )  # fmt: skip
    assert "s3cret" not in result.output


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("port = 9090", 'port = "9090"', "server.port", "must be a whole number"),
        ('token = "t0ken-t0ken"', 'token = "a b"', "forgejo.token", "blanks"),
        ('"codex-cli", max_concurrency = 2', '"codx", max_concurrency = 2', "hosts[0].agents[0].agent_type", "codex"),
        ('ssh_key_path = "/home/deploy/.ssh/id_ed25519"\n', "", "hosts[0].ssh_key_path", "ssh_key_path"),
    ],
)
def test_what_would_not_start_is_said_and_not_written(
    earlier: Path, tmp_path: Path, old: str, new: str, key: str, words: str
) -> None:
    earlier.write_text(earlier.read_text().replace(old, new))
    result = run(str(earlier), "--json")
    assert result.exit_code == 1
    verdict, why = said(result)[key]
    assert verdict == "needs your attention"
    assert words in why
    refused = run(str(earlier), "--write", str(tmp_path / "new.toml"))
    assert (refused.exit_code, (tmp_path / "new.toml").exists()) == (1, False)
    assert "hush" not in result.output + refused.output


def test_placeholders_and_the_earlier_database_need_attention(earlier: Path, tmp_path: Path) -> None:
    earlier.write_text(earlier.read_text().replace("t0ken-t0ken", "…"))
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "agent-fleet.db")) as raw, raw:
        raw.execute("CREATE TABLE tasks (id)")
    result = run(str(earlier), "--write", str(tmp_path / "new.toml"), "--json")
    found: dict[str, Any] = said(result)
    assert found["forgejo.token"][0] == "needs your attention"
    assert found["orchestrator.db_path"] == (
        "needs your attention",
        "That file belongs to another program and is left alone; the new configuration says data/agent-fleet-2.db.",
    )
    assert str(load(tmp_path / "new.toml", {}).settings.orchestrator.db_path) == "data/agent-fleet-2.db"


def test_places_that_cannot_be_looked_at_end_nothing(earlier: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    migrate(tmp_path / "mine" / "a#b?.db")
    for path, verdict in (("x" * 300, "needs your attention"), ("mine/a#b?.db", "kept")):  # too long for any folder
        earlier.write_text(
            SEED.replace('"data/agent-fleet.db"', f'"{path}"').replace("/home/deploy/.ssh/id_ed25519", f"/{path}")
        )
        result = run(str(earlier), "--json")
        assert not isinstance(result.exception, OSError)
        found = said(result)
        assert found["orchestrator.db_path"][0] == verdict
        assert "There is no file" in found["hosts[0].ssh_key_path"][1]


def test_values_of_the_wrong_kind_are_said_and_not_shown(earlier: Path) -> None:
    earlier.write_text(
        'server = ["hush-hush"]\n"\\u001b[2J" = 1\n[orchestrator]\ntask_timeout_secs = 1979-05-27T07:32:00Z\n'
        "heartbeat_interval_secs = nan\n[[hosts]]\nhost_id = { a = 'hush-hush' }\nagents = [[07:32:00]]\n"
    )
    shown, result = run(str(earlier)), run(str(earlier), "--json")
    assert (shown.exit_code, result.exit_code) == (1, 1)
    found = said(result)
    assert found["server"] == ("ignored", "It is left out: server is a section, [server] with keys below it.")
    assert {found[f"orchestrator.{leaf}"][0] for leaf in ("task_timeout_secs", "heartbeat_interval_secs")} == {
        "needs your attention"
    }
    assert "hush" not in shown.output + result.output
    assert "\x1b" not in shown.output


@pytest.mark.parametrize(
    "content", [b"token = [", b"\xff", b'token = "s3cret', b"hosts = 1\nserver = 2\n", b"[[hosts]]\nagents = 3\n"]
)
def test_what_is_no_configuration_is_refused_without_showing_it(earlier: Path, content: bytes) -> None:
    earlier.write_bytes(content)
    result = run(str(earlier))
    assert result.exit_code == 1
    assert "s3cret" not in result.output
    assert run(str(earlier.with_name("none.toml"))).exit_code == 1
