"""`agent-fleet demo --ssh`, as a person starts it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import cli
from tests.hosts.machines import SSHD, need


def test_processes_on_hosts_are_watched_killed_and_adopted(tmp_path: Path) -> None:
    need("sshd", SSHD, "install openssh-server")
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--ssh"], capture_output=True, text=True, timeout=110, check=False
    )
    said = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "the worker that watches over them is gone",
        "It has adopted 4 runs",
        "None of the processes of #4 is left",
        "each run was started once, and no process is left",
    ):
        assert words in said


def test_without_an_ssh_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_options: None)
    done = CliRunner().invoke(cli, ["demo", "--ssh"])
    assert done.exit_code == 1
    assert "there is no sshd on this machine" in done.output
    assert "apt install openssh-server" in done.output
