"""What is kept between two lives, and what is refused before the first."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.adapters.base import Adapter, Exit, Job, Line, Outcome, Said, Template
from bot.adapters.exec import Exec
from bot.agent import leftovers
from bot.agent.journal import Entry, Journal
from bot.agent.probing import cli_version
from bot.cli import cli
from bot.core.errors import Refused
from bot.execution.workspace import Workspace

WEEK = 7 * 24 * 3600.0


def test_old_workspaces_go_and_young_or_open_ones_stay(tmp_path: Path) -> None:
    journal, root = Journal(tmp_path), tmp_path / "work"
    for task, at, open_ in (("old", 0.0, False), ("young", 10.0, False), ("open", 0.0, True)):
        Workspace(root, task, 1).path.mkdir()
        journal.write(Entry(task, 1, "", open=open_, at=at))
    (root / "source-left").mkdir()
    leftovers.remove_sources(root)
    leftovers.tidy(journal, root, now=WEEK + 5)
    assert sorted(entry.task_id for entry in journal.entries()) == ["open", "young"]
    assert sorted(path.name.split("-")[0] for path in root.iterdir() if path.is_dir()) == ["open", "young"]


def test_what_is_worked_on_or_fetched_now_stays(tmp_path: Path) -> None:
    journal, root = Journal(tmp_path), tmp_path / "work"
    Workspace(root, "live", 1).path.mkdir()
    journal.write(Entry("live", 1, "", open=False, at=0.0))
    (root / "source-now").mkdir()
    leftovers.tidy(journal, root, live={"live"}, now=WEEK + 5)
    assert Workspace(root, "live", 1).path.exists()
    assert (root / "source-now").exists()
    assert [entry.task_id for entry in journal.entries()] == ["live"]


def test_a_workspace_of_a_newer_attempt_is_left_alone(tmp_path: Path) -> None:
    journal, root = Journal(tmp_path), tmp_path / "work"
    Workspace(root, "t", 5).path.mkdir()
    leftovers.remove_workspace(journal, root, "t", 4)
    assert Workspace(root, "t", 5).path.exists()


def test_the_journal_trusts_no_id_with_a_path(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "here")
    journal.write(Entry("../../etc/x", 1, "r", open=True, at=0.0))
    assert journal.entries()[0].task_id == "../../etc/x"
    assert [path.parent.name for path in tmp_path.rglob("*.json")] == ["runs"]
    journal.forget("../../etc/x")
    assert journal.entries() == []


def test_a_claim_is_remembered_until_its_answer_is_seen(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.claiming("one") == "one"
    assert Journal(tmp_path).claiming("two") == "one"
    journal.claimed()
    assert journal.claiming("three") == "three"


class Versioned(Adapter):
    """A CLI that tells its version."""

    names = ("versioned",)
    binary = sys.executable

    def argv(self, job: Job) -> list[str]:
        return [self.binary]

    def feed(self, line: Line) -> Iterator[Said]:
        return iter(())

    def finish(self, exit: Exit) -> Outcome:  # noqa: A002
        raise NotImplementedError


def test_the_version_is_asked_once_before_work(tmp_path: Path) -> None:
    assert cli_version(Versioned(), tmp_path, os.environ, 0).startswith("Python 3.")
    assert cli_version(Exec(Template((sys.executable,))), tmp_path, os.environ, 0) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_missing_command_is_said_before_the_first_task(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is not installed"):
        cli_version(Exec(Template(("no-such-agent",))), tmp_path, os.environ, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"--type": "exce"}, "Did you mean exec?"),
        ({"--type": "exec", "--command": None}, "needs a command"),
        ({"--command": "no-such-agent"}, "is not installed"),
        ({"--command": "'"}, "unbalanced quotes"),
        ({"--command": ""}, "unbalanced quotes"),
        ({"--server": "fleet"}, "not the address of a server"),
        ({"--id": "a b"}, "cannot be an agent's id"),
        ({"--token-file": "none"}, "cannot be read"),
        ({"--token-file": "empty"}, "holds no token"),
    ],
)
def test_what_cannot_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str | None], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("aft_x\n")
    (tmp_path / "empty").write_text("\n")
    given: dict[str, str | None] = {
        "--server": "http://127.0.0.1:9",
        "--token-file": "token",
        "--type": "exec",
        "--work-dir": "work",
        "--command": "sh",
    }
    if change == {"--type": "exce"}:
        given["--command"] = None
    words = [word for name, value in {**given, **change}.items() if value is not None for word in (name, value)]
    result = CliRunner().invoke(cli, ["agent", *words])
    assert result.exit_code != 0
    assert said in " ".join(result.output.split())


def test_a_command_with_a_relative_path_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.cli.agent import _templates

    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text('[adapters.mine]\ncommand = "./tool -x"\nprompt = "file"\nenv = ["KEY"]\n')
    assert _templates(None, "mine", None)["mine"] == Template((f"{tmp_path}/tool", "-x"), "file", ("KEY",))
    assert _templates(None, "mine", "other -y")["mine"] == Template(("other", "-y"), "file", ("KEY",))
