"""backup, restore, export: taken while others write, put back, and never over something newer."""

import errno
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import peewee
import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.core.errors import Refused, Unavailable
from bot.core.events import PrioritySet
from bot.store import database, log, open_store, trouble
from tests.unit.store.filling import a_repo, a_task, happens

ROOT: Final = Path(__file__).parents[3]
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AGENT_FLEET_")]:
        monkeypatch.delenv(name)
    (tmp_path / "agent-fleet.toml").write_text(
        '[forgejo]\nurl = "http://127.0.0.1:1"\ntoken = "t"\nwebhook_secret = "s"\n'
        '[orchestrator]\ndb_path = "data/fleet.db"\n'
    )
    database.migrate(Path("data/fleet.db"))
    return lambda *arguments: CliRunner().invoke(cli, arguments, prog_name="agent-fleet")


def with_store(use: Callable[[Any], object]) -> None:
    with closing(open_store(Path("data/fleet.db"))) as store:
        use(store)


def filled(store: Any, tasks: int = 3) -> None:
    a_repo(store)
    for number in range(1, tasks + 1):
        a_task(store, f"t_{number}")


def events_in(path: str = "data/fleet.db") -> int:
    with closing(open_store(Path(path))) as store:
        return store.read(log.newest_seq)


def test_a_backup_taken_under_load_is_whole_and_verifies(run: Run, tmp_path: Path) -> None:
    with_store(filled)
    stop = threading.Event()
    written: list[int] = []

    def load() -> None:
        with closing(open_store(Path("data/fleet.db"))) as store:
            while not stop.is_set():
                n = len(written)
                store.write(lambda sql, n=n: happens(sql, "t_1", PrioritySet("ann", n % 3, 1), cause=f"load:{n}"))  # type: ignore[misc]
                written.append(n)

    writers = threading.Thread(target=load)
    writers.start()
    taken = []
    try:
        for number in range(5):
            before = len(written)
            result = run("backup", f"b{number}.tar", "--json")
            assert result.exit_code == 0, result.output
            taken.append((before, json.loads(result.output)["events"], len(written)))
    finally:
        stop.set()
        writers.join()
    assert written
    for number, (before, events, after) in enumerate(taken):
        assert 3 + before <= events <= 3 + after + 1  # what was there when it began is in it
        other = tmp_path / f"other{number}"
        other.mkdir()
        os.chdir(other)
        (other / "agent-fleet.toml").write_text((tmp_path / "agent-fleet.toml").read_text())
        result = run("restore", str(tmp_path / f"b{number}.tar"))
        assert result.exit_code == 0, result.output
        assert result.output == f"Restored data/fleet.db: {events} events.\n"
        assert run("verify").exit_code == 0


def test_key_and_artifacts_come_back_and_nothing_else_is_taken(run: Run, tmp_path: Path) -> None:
    with_store(filled)
    kept = {"data/receipt-key": "secret", "data/known_hosts": "host", "data/artifacts/ab/abc": "artifact"}
    left = {"data/mirrors/7.git/HEAD": "ref", "data/incoming/x": "broken", "data/old.tar": "an earlier backup"}
    for name, content in (kept | left).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    result = run("backup", "data/b.tar")
    assert result.exit_code == 0
    assert "3 events, 3 files" in result.output
    assert (tmp_path / "data/b.tar").stat().st_mode & 0o077 == 0
    with tarfile.open("data/b.tar") as tar:
        assert sorted(tar.getnames()) == sorted(["manifest.json", "fleet.db", *kept])
    for name in kept:
        (tmp_path / name).unlink()
    assert run("restore", "data/b.tar").exit_code == 0
    assert {name: (tmp_path / name).read_text() for name in kept} == kept
    again = run("backup", "data/b.tar")
    assert again.exit_code == 1
    assert "data/b.tar exists already." in again.output


def test_a_newer_state_is_never_overwritten(run: Run) -> None:
    with_store(filled)
    assert run("backup", "b.tar").exit_code == 0
    with_store(lambda store: a_task(store, "t_9"))
    result = run("restore", "b.tar")
    assert result.exit_code == 1
    assert "knows 4 events, the backup only 3" in result.output
    assert "Move it away" in result.output
    assert events_in() == 4


def test_another_fleets_state_is_never_overwritten(run: Run) -> None:
    with_store(filled)
    assert run("backup", "b.tar").exit_code == 0
    for name in Path("data").glob("fleet.db*"):
        name.unlink()
    database.migrate(Path("data/fleet.db"))
    with_store(a_repo)
    with_store(lambda store: a_task(store, "t_5", at=5.0))
    result = run("restore", "b.tar")
    assert result.exit_code == 1
    assert "tells of other events" in result.output


def test_an_older_state_is_moved_aside(run: Run) -> None:
    with_store(lambda store: filled(store, 1))
    early = Path("early.tar")
    assert run("backup", str(early)).exit_code == 0
    with_store(lambda store: a_task(store, "t_9"))
    assert run("backup", "late.tar").exit_code == 0
    for name in Path("data").glob("fleet.db*"):
        name.unlink()
    assert run("restore", str(early)).exit_code == 0
    result = run("restore", "late.tar")
    assert result.exit_code == 0, result.output
    [aside] = Path("data").glob("before-restore-*")
    assert f"lies in {aside}" in result.output.replace(str(Path.cwd()) + "/", "")
    assert (events_in(), events_in(f"{aside}/fleet.db")) == (2, 1)


def test_a_damaged_database_is_what_a_backup_is_for(run: Run) -> None:
    with_store(filled)
    assert run("backup", "b.tar").exit_code == 0
    for name in Path("data").glob("fleet.db-*"):
        name.unlink()
    Path("data/fleet.db").write_bytes(b"\xff" * 9000)
    result = run("restore", "b.tar")
    assert result.exit_code == 0, result.output
    assert events_in() == 3


def test_nothing_is_restored_below_a_running_service(run: Run) -> None:
    with_store(filled)
    assert run("backup", "b.tar").exit_code == 0
    code = (
        "import sys, time; from pathlib import Path; from bot.store import log, open_store; "
        "s = open_store(Path('data/fleet.db')); s.watch_other_processes(); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        result = run("restore", "b.tar")
        assert result.exit_code == 1
        assert f"in use by process {other.pid}" in result.output
        other.communicate()
    assert run("restore", "b.tar").exit_code == 0


def test_a_newer_backup_is_refused(run: Run) -> None:
    with_store(lambda store: store.write(
        lambda sql: sql.run("INSERT INTO schema_migration (name, applied) VALUES ('0099_future', '2030-01-01')")
    ))  # fmt: skip
    assert run("backup", "b.tar").exit_code == 0
    for name in Path("data").glob("fleet.db*"):
        name.unlink()
    result = run("restore", "b.tar")
    assert result.exit_code == 1
    assert "does not know 0099_future" in result.output
    assert not Path("data/fleet.db").exists()


@pytest.mark.parametrize("content", [b"", b"no tar", b"\0" * 10240])
def test_what_is_no_backup_is_refused_and_nothing_is_touched(run: Run, content: bytes) -> None:
    with_store(filled)
    Path("b.tar").write_bytes(content)
    result = run("restore", "b.tar")
    assert result.exit_code == 1
    assert "is not a backup of Agent Fleet" in result.output
    assert events_in() == 3
    assert not list(Path("data").glob(".restore-*"))


def test_a_tar_that_reaches_outside_is_refused(run: Run, tmp_path: Path) -> None:
    with tarfile.open("b.tar", "w") as tar:
        (tmp_path / "evil").write_text("evil")
        tar.add("evil", "../evil-was-here")
    assert run("restore", "b.tar").exit_code == 1
    assert not (tmp_path.parent / "evil-was-here").exists()


def test_export_is_one_object_per_line(run: Run) -> None:
    with_store(filled)
    events = [json.loads(line) for line in run("export").output.splitlines()]
    assert [(x["seq"], x["task_id"], x["kind"], x["n"]) for x in events] == [
        (n, f"t_{n}", "task_created", 1) for n in (1, 2, 3)
    ]
    assert events[0]["data"]["asked_by"]
    found = [json.loads(line) for line in run("export", "tasks").output.splitlines()]
    assert [(x["id"], x["state"]) for x in found] == [(f"t_{n}", "queued") for n in (1, 2, 3)]
    assert run("export", "receipts").output == ""


@pytest.mark.parametrize(
    "arguments", [["tasks", "list"], ["verify"], ["migrate"], ["fleet", "status"], ["setup", "ann/lab"], ["serve"]]
)
def test_a_damaged_database_is_named_as_such(run: Run, arguments: list[str]) -> None:
    for tail in ("", "-wal", "-shm"):
        Path(f"data/fleet.db{tail}").unlink(missing_ok=True)
    Path("data/fleet.db").write_text("this is not a database\n" * 500)
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    what, how = result.output.splitlines()
    assert what == "Error: The database is damaged: file is not a database."
    assert how.startswith("What to do: Stop the service; `agent-fleet doctor` says which file it is")


def test_a_full_disk_is_found_behind_what_failed_after_it() -> None:
    full, hidden = sqlite3.OperationalError("database or disk is full"), peewee.OperationalError("cannot rollback")
    hidden.__context__ = full
    told = trouble.explained(hidden)
    assert isinstance(told, Refused)
    assert "Make room" in told.fix
    assert isinstance(trouble.explained(sqlite3.OperationalError("database is locked")), Unavailable)
    beside = trouble.explained(sqlite3.OperationalError("disk I/O error"))
    assert "damaged" not in str(beside), "it is what a full disk looks like, too"
    assert trouble.explained(sqlite3.OperationalError("no such table: task")) is None, "a bug stays one"


def test_nothing_is_backed_up_from_a_damaged_database(run: Run) -> None:
    with_store(filled)
    with closing(sqlite3.connect("data/fleet.db")) as raw, raw:
        raw.execute("DROP TABLE event")
    result = run("backup", "b.tar")
    assert (result.exit_code, Path("b.tar").exists()) == (1, False)
    assert "data/fleet.db is damaged or not one of ours (no such table: event)." in result.output


def test_what_is_no_backup_is_said_in_one_line(run: Run) -> None:
    Path("notes.txt").write_text("hello")
    [said, _] = run("restore", "notes.txt").output.splitlines()
    assert said == "Error: notes.txt is not a backup of Agent Fleet: file could not be opened successfully."


def test_a_folder_that_is_not_ours_and_a_full_disk(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "data/fleet.db")

    monkeypatch.setattr("bot.store.database._make", full)
    result = run("migrate")
    assert (result.exit_code, result.output.splitlines()[0]) == (1, "Error: data/fleet.db: No space left on device.")
    assert "that the disk has room" in result.output
