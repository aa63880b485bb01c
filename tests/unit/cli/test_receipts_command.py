"""`agent-fleet receipts`: as an operator and as a reader of receipts type it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.settings import load
from tests.world import World
from tests.world.world import world as build

Run = Callable[..., Result]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with build(tmp_path) as made:
        issue = made.writer.opens_issue("Fix the login", labels=["agent:python"])
        made.pull_agent("gpu-1", ["python"]).claims(issue).starts().finishes({"login.py": "fixed"})
        issue.tells("done in")
        made.settles()
        yield made


@pytest.fixture
def run(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """With the configuration of the world's fleet in the folder where it is typed."""
    monkeypatch.chdir(tmp_path)
    where = world.store.where
    database = 'db_path = "fleet.db"' if isinstance(where, Path) else f'database_url = "{where}"'
    (tmp_path / "agent-fleet.toml").write_text(
        f'[forgejo]\nurl = "{world.forge.url}"\ntoken = "{world.bot.token}"\nwebhook_secret = "the-hooks-secret"\n'
        f'[orchestrator]\n{database}\ndata_dir = "data"\n'
    )
    assert load(None, {}).settings.orchestrator.data_dir == "data"
    return lambda *arguments, stdin="": CliRunner().invoke(
        cli, ["receipts", *map(str, arguments)], prog_name="agent-fleet", input=stdin
    )


def receipt_in(world: World) -> dict[str, Any]:
    return world.issues[0].receipts()[0]


def test_what_is_shown_is_verified_with_the_key_that_is_printed(world: World, run: Run, tmp_path: Path) -> None:
    key = run("key")
    (tmp_path / "key.pem").write_text(key.stdout)
    assert key.stderr == f"key {receipt_in(world)['sig']['key_id']}\n"
    for what in (receipt_in(world)["task"]["id"], "ann/demo"):
        shown = run("show", what)
        assert json.loads(shown.stdout) == receipt_in(world)
        verified = run("verify", "-", "--pubkey", "key.pem", "--complete", stdin=shown.stdout)
        assert verified.exit_code == 0, verified.output
    said = json.loads(run("verify", "-", "--pubkey", "key.pem", "--json", stdin=shown.stdout).stdout)
    assert said["exit_code"] == 0


def test_nothing_to_show_says_when_there_will_be(run: Run) -> None:
    for what in ("t_none", "ann/none"):
        found = run("show", what)
        assert found.exit_code == 1
        assert "no signed receipt" in found.stderr
        assert "What to do:" in found.stderr


def test_rotation_is_told_with_what_to_hand_out(world: World, run: Run) -> None:
    old = receipt_in(world)["sig"]["key_id"]
    said = run("rotate-key").output
    assert f"{old} is retired" in said
    assert run("key", "--all").stderr.count("key ") == 2
    assert (world.fleet.data_dir / "receipt-signing-key.pem").stat().st_mode & 0o777 == 0o600


def test_online_the_configured_forge_is_asked_and_no_other(world: World, run: Run, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(run("key").stdout)
    shown = run("show", "ann/demo").stdout
    verify = ("verify", "-", "--pubkey", "key.pem", "--online")
    agreed = run(*verify, stdin=shown)
    assert (agreed.exit_code, agreed.output.splitlines()[-1]) == (0, "<stdin>: the forge says the same.")

    quiet = world.writer.opens_issue("Nothing to do", labels=["agent:python"])
    world.agents[0].claims(quiet).reads().finds_nothing("It works.")
    quiet.tells("nothing to change")
    both = run(*verify, "--complete", stdin=run("show", "ann/demo").stdout)
    assert (both.exit_code, both.output.count("the forge says the same.")) == (0, 2), both.output

    head = world.issues[0].pull().head_sha
    world.repo.set_status(world.bot, head, "success", "agent-fleet/receipt", "0123456789abcdef verified", "")
    differs = run(*verify, stdin=shown)
    assert differs.exit_code == 5
    assert f"the commit status of {head[:12]} names 0123456789abcdef verified" in differs.output

    world.forge.faults.goes_down()
    silent = run(*verify, stdin=shown)
    world.forge.faults.comes_back()
    assert silent.exit_code == 6
    assert "does not answer" in silent.output


def test_a_genuine_receipt_with_another_verdict_has_an_exit_code_of_its_own(
    world: World, run: Run, tmp_path: Path
) -> None:
    issue = world.writer.opens_issue("Again", labels=["agent:python"])
    world.repo.protect("main", contexts=["ci"])
    world.agents[0].claims(issue).starts().finishes({"login.py": "more"})
    issue.tells("done in")
    world.repo.set_status(world.owner.person, issue.pull().head_sha, "error", "ci", "", "")
    world.minutes_pass(2)
    (tmp_path / "key.pem").write_text(run("key").stdout)
    (tmp_path / "it.json").write_text(json.dumps(issue.receipts()[0]))
    found = run("verify", "it.json", "--pubkey", "key.pem")
    assert found.exit_code == 3
    assert "verdict unverified" in found.output
    assert "r8   fail     checks: not successful: ci" in found.output
