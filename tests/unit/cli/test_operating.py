"""The operator's commands, as they are typed: migrate, verify, worker, agents, tokens, setup."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.core import damage_text
from bot.standin import Standin
from bot.standin.serve import serve
from bot.store import Store, database, inbox, open_store, tokens
from bot.store.agents import ONLINE, Agent, register
from tests.unit.store.filling import a_repo, a_task

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ROOT: Final = Path(__file__).parents[3]
NOWHERE: Final = "http://127.0.0.1:1"
Run = Callable[..., Result]


def configured(folder: Path, url: str = NOWHERE, token: str = "t0ken", here: str = NOWHERE) -> Path:
    (folder / "agent-fleet.toml").write_text(
        f'[forgejo]\nurl = "{url}"\ntoken = "{token}"\nwebhook_secret = "s3cret"\n'
        f'[server]\npublic_url = "{here}"\n[orchestrator]\ndb_path = "fleet.db"\n'
    )
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(configured(tmp_path))
    return lambda *arguments: CliRunner().invoke(cli, arguments, prog_name="agent-fleet")


@pytest.fixture
def migrated(run: Run) -> Run:
    assert run("migrate").exit_code == 0
    return run


def opened(use: Callable[[Store], object]) -> None:
    store = open_store(Path("fleet.db"))
    try:
        use(store)
    finally:
        store.close()


def test_migrate_says_what_it_applied(run: Run) -> None:
    names = sorted(path.stem for path in database.MIGRATIONS.glob("0*.py"))
    before = run("migrate", "--check")
    assert before.exit_code == 1
    assert before.output.splitlines() == [
        f"Error: The database fleet.db is not up to date: {', '.join(names)} not applied.",
        "What to do: Run `agent-fleet migrate`.",
    ]
    applied = "".join(f"applied {name}\n" for name in names)
    assert run("migrate").output == f"{applied}The database fleet.db is up to date.\n"
    for arguments in (["migrate"], ["migrate", "--check"]):
        again = run(*arguments)
        assert (again.exit_code, again.output) == (0, "The database fleet.db is up to date.\n")


def test_a_newer_database_is_left_alone(migrated: Run) -> None:
    with closing(sqlite3.connect("fleet.db")) as raw, raw:
        raw.execute("INSERT INTO schema_migration (name, applied) VALUES ('0099_future', '2030-01-01')")
    for arguments in (["migrate"], ["migrate", "--check"], ["verify"], ["tokens", "list"]):
        result = migrated(*arguments)
        assert result.exit_code == 1
        assert "was written by a newer Agent Fleet" in result.output


def test_verify_is_content_or_names_each_difference(migrated: Run) -> None:
    opened(a_repo)
    opened(a_task)
    assert migrated("verify").output == "Every task is what its events say.\n"
    with closing(sqlite3.connect("fleet.db")) as raw, raw:
        raw.execute("UPDATE task SET priority = 0")
    result = migrated("verify")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "t_1: its columns differ from its events",
        "1 difference: the database is not what its log says.",
        damage_text.what_next(in_log=False),
    ]
    as_json = migrated("verify", "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.output)["differences"] == [
        {"task_id": "t_1", "what": "its columns differ from its events"}
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("substr(data, 2)", "its text is no JSON"),
        ("CAST(X'ff' || substr(data, 2) AS TEXT)", "its text is not UTF-8"),
    ],
)
def test_an_event_that_cannot_be_read_is_told_without_a_traceback(migrated: Run, data: str, reason: str) -> None:
    opened(a_repo)
    opened(a_task)
    with closing(sqlite3.connect("fleet.db")) as raw, raw:
        raw.execute("DROP TRIGGER event_no_update")
        raw.execute(f"UPDATE event SET data = {data}")
    for arguments in (["tasks", "show", "t_1"], ["export", "events"]):
        result = migrated(*arguments)
        assert result.exit_code == 1
        assert result.output.splitlines()[-2:] == [
            f"Error: Event 1 of task t_1 cannot be read: {reason}.",
            f"What to do: {damage_text.verify_and_restore()}",
        ]
    copied = migrated("db", "copy", "--to", "copy.db")
    assert copied.exit_code == 1
    refusal = "Error: Nothing was copied: the database to copy is damaged itself: "
    assert copied.output.splitlines()[0] == f"{refusal}t_1 event 1 was changed after it was written."
    result = migrated("verify")
    assert result.exit_code == 1
    assert f"t_1: event 1 (task_created) cannot be read: {reason}\n" in result.output
    assert result.output.endswith(f"{damage_text.what_next(in_log=True)}\n")
    assert json.loads(migrated("verify", "--json").output)["ok"] is False


def test_a_quick_verify_says_what_it_leaves_out(migrated: Run) -> None:
    left_out = (
        "Not checked: the log's digests, what events and tasks say besides, the sizes of what is kept."
        " `agent-fleet verify` without --quick does.\n"
    )
    opened(a_repo)
    opened(a_task)
    assert migrated("verify", "--quick").output == f"Every task is in the state that its events lead to.\n{left_out}"
    with closing(sqlite3.connect("fleet.db")) as raw, raw:
        raw.execute("UPDATE task SET priority = 0")
        raw.execute("UPDATE task SET version = 2")
    result = migrated("verify", "--quick")
    assert result.exit_code == 1
    assert result.output == (
        "t_1: its columns differ from its events: version\n"
        f"1 difference: the database is not what its log says.\n{left_out}{damage_text.what_next(in_log=False)}\n"
    )
    as_json = migrated("verify", "--quick", "--json")
    assert as_json.exit_code == 1
    said = json.loads(as_json.output)
    assert said.pop("not_checked")[0] == "the log's digests"
    assert said == {
        "ok": False,
        "quick": True,
        "differences": [{"task_id": "t_1", "what": "its columns differ from its events: version"}],
    }
    assert json.loads(migrated("verify", "--json").output)["not_checked"] == []


def test_a_token_is_printed_once_and_alone(migrated: Run) -> None:
    made = migrated("tokens", "create", "--role", "write", "--name", "ci [bold]", "--expires", "30")
    secret = made.stdout.strip()
    assert made.stdout == f"{secret}\n"
    assert "only time" in made.stderr
    [listed] = json.loads(migrated("tokens", "list", "--json").output)
    assert (listed["role"], listed["name"], listed["usable"]) == ("write", "ci [bold]", True)
    assert listed["expires_at"] - listed["created_at"] == 30 * 86_400
    shown = migrated("tokens", "list").output
    assert secret not in shown
    assert f"{secret[:12]}…  ci [bold]  write" in shown


def test_a_token_is_revoked_by_its_beginning_or_all_of_it(migrated: Run) -> None:
    secret = migrated("tokens", "create", "--role", "read").stdout.strip()
    assert migrated("tokens", "revoke", secret).output == f"Revoked {secret[:12]}…\n"
    again = migrated("tokens", "revoke", secret[:12])
    assert again.exit_code == 1
    assert "No token that can be revoked begins with" in again.output
    assert secret not in again.output
    assert "revoked 20" in migrated("tokens", "list").output


def test_a_token_for_an_agent(migrated: Run) -> None:
    secret = migrated("agents", "token", "gpu-1", "--repo", "ann/*", "--repo", "bob/x", "--legacy").stdout.strip()
    found = []
    opened(lambda store: found.append(store.read(lambda sql: tokens.find(sql, secret))))
    [token] = found
    assert token is not None
    assert (token.role, token.agent, token.repos, token.legacy) == ("agent", "gpu-1", ("ann/*", "bob/x"), True)
    assert migrated("agents", "token", "../x").exit_code == 1


def test_agents_are_listed(migrated: Run) -> None:
    assert migrated("agents", "list").output == "No agent has registered.\n"
    agent = Agent("gpu-1", "codex-cli", ("rust",), 2, "h", "http_pull", ONLINE, 1.0, 1.0, "1", {}, ())
    opened(lambda store: store.write(lambda sql: register(sql, agent)))
    assert migrated("agents", "list").output.splitlines()[1].split() == [
        "gpu-1", "codex-cli", "online", "0/2", "1970-01-01", "00:00", "UTC", "rust",
    ]  # fmt: skip
    [listed] = json.loads(migrated("agents", "list", "--json").output)
    assert (listed["id"], listed["running"]) == ("gpu-1", 0)


def worker(folder: Path) -> subprocess.Popen[str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from bot.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "worker"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_runs_until_told_to_stop_and_is_the_only_one(
    migrated: Run, tmp_path: Path, number: signal.Signals
) -> None:
    store = open_store(Path("fleet.db"))
    store.watch_other_processes()
    first = worker(tmp_path)
    try:
        while not store.read(lambda sql: sql.value("SELECT count(*) FROM beat")):
            assert first.poll() is None
            store.wakeups.wait("work", store.wakeups.count("work"), 0.2)
        second = worker(tmp_path)
        said, _ = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "Error: Another worker already runs on fleet.db." in said
        first.send_signal(number)
        said, _ = first.communicate(timeout=60)
        assert (first.returncode, "Traceback" in said) == (0, False), said
    finally:
        first.kill()
        first.wait()
        store.close()


def test_setup_shows_the_difference_and_what_is_left_to_do(migrated: Run, tmp_path: Path) -> None:
    forge = Standin(tmp_path / "forge")
    repo = forge.repository("ann/empty", files={})
    bot = forge.person("fleet-bot")
    repo.grant(bot, "write")
    with forge.serve() as url:
        configured(tmp_path, url, bot.token)
        dry = migrated("setup", "ann/empty", "--dry-run")
        assert dry.exit_code == 0, dry.output
        assert "+ label fleet/queued\n" in dry.output
        assert "Nothing was changed in ann/empty: this was a dry run." in dry.output
        by_hand = migrated("setup", "ann/empty")
        assert by_hand.exit_code == 1
        for part in ("Target URL:    http://127.0.0.1:1/api/v1/webhooks/forgejo", "webhook_secret", "application/json"):
            assert part in by_hand.output
        assert "s3cret" not in by_hand.output
        unseen = migrated("setup", "ann/hidden")
        assert (unseen.exit_code, f"Is {url}/ann/hidden right?" in unseen.output) == (1, True)
        repo.grant(bot, "admin")
        full = migrated("setup", "ann/empty")
        assert full.exit_code == 0, full.output
        assert "= label fleet/queued\n+ " not in full.output
        assert "+ webhook http://127.0.0.1:1/api/v1/webhooks/forgejo\nann/empty is set up.\n" in full.output
        assert "ann/empty is empty" in full.output
        again = json.loads(migrated("setup", "ann/empty", "--json").output)
        assert {x["mark"] for x in [*again["labels"], *again["hooks"]]} == {"="}
        assert again["test"] == "empty"


def test_setup_notices_at_once_what_the_server_took_in(migrated: Run, tmp_path: Path) -> None:
    store = open_store(Path("fleet.db"))  # as another process would: nothing wakes the command but the database

    def receiver(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        kind, delivery = environ["HTTP_X_FORGEJO_EVENT_TYPE"], environ["HTTP_X_FORGEJO_DELIVERY"]
        store.write(lambda sql: inbox.put(sql, delivery, kind, body, 1.0))
        start_response("202 Accepted", [])
        return [b""]

    forge = Standin(tmp_path / "forge", deliveries="auto")
    bot = forge.person("fleet-bot")
    forge.repository("ann/lab").grant(bot, "admin")
    with closing(store), forge.serve() as url, serve(receiver) as here:
        configured(tmp_path, url, bot.token, here)
        began = time.monotonic()
        done = migrated("setup", "ann/lab")
        took = time.monotonic() - began
    assert done.exit_code == 0, done.output
    assert "A test delivery from the forge has arrived." in done.output
    assert took < 10  # the longest it waits


def test_a_repository_is_let_go_of(migrated: Run, tmp_path: Path) -> None:
    forge = Standin(tmp_path / "forge")
    repo = forge.repository("ann/empty", files={})
    bot = forge.person("fleet-bot")
    repo.grant(bot, "admin")
    with forge.serve() as url:
        configured(tmp_path, url, bot.token)
        repo.hook("http://elsewhere.test/hook", secret="x", events=["push"], active=True)
        assert migrated("setup", "ann/empty").exit_code == 0
        labels = len(repo.labels)
        dry = migrated("unsetup", "ann/empty", "--dry-run")
        assert "- webhook http://127.0.0.1:1/api/v1/webhooks/forgejo" in dry.output
        assert len(repo.hooks) == 2
        gone = migrated("unsetup", "ann/empty")
        assert gone.output.endswith("The fleet has let go of ann/empty; its labels are left for you.\n")
        assert [x.url for x in repo.hooks] == ["http://elsewhere.test/hook"]
        assert len(repo.labels) == labels
        again = json.loads(migrated("unsetup", "ann/empty", "--json").output)
        assert (again["hooks"], again["was_watched"]) == ([], False)


@pytest.mark.parametrize("name", ["ann", "ann/", "/lab", "a/b/c"])
def test_setup_of_what_is_no_repository(migrated: Run, name: str) -> None:
    result = migrated("setup", name)
    assert result.exit_code == 1
    assert "Name it as owner/name" in result.output


def test_a_copy_says_what_comes_next(migrated: Run, tmp_path: Path) -> None:
    said = migrated("db", "copy", "--to", "new/copy.db")
    assert said.exit_code == 0, said.output
    assert f'write db_path = "{tmp_path}/new/copy.db" and data_dir = "{tmp_path}"' in said.output
    assert "remove database_url; run `agent-fleet doctor`" in said.output


def test_a_copy_to_what_is_no_database_makes_nothing(migrated: Run, tmp_path: Path) -> None:
    said = migrated("db", "copy", "--to", "postgres://fleet:hush@h/fleet")
    assert said.exit_code == 1
    assert "postgresql://USER@HOST/DATABASE" in said.output
    assert "hush" not in said.output
    assert not list(tmp_path.glob("postgres*"))
