"""The doctor against a whole installation in which one thing after the other is broken, and put right as it says."""

import json
import os
import shlex
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.core.notices import Kind, Notice
from bot.doctor import examine as examining
from bot.doctor import machine
from bot.doctor.finding import Finding, State
from bot.service.opening import opened
from bot.settings import load
from bot.standin import Standin
from bot.standin.serve import serve
from bot.store import agents, beats, inbox, notices, open_store, outbox
from bot.store.agents import Agent
from bot.store.database import migrate
from bot.store.leading import FileLead
from bot.web.application import make_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

WAIT: Final = "1"


class Installation:
    """A forge, the service's web side, something that holds the worker's place, and a configuration file."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.application: WSGIApplication | None = None
        self.forge = Standin(folder / "forge", deliveries="auto")
        self.repo = self.forge.repository("ann/lab")
        self.bot = self.forge.person("fleet-bot")
        self.repo.grant(self.bot, "admin")
        self.config = folder / "agent-fleet.toml"
        self.database = folder / "fleet.db"
        self.keys: dict[str, dict[str, object]] = {
            "forgejo": {
                "url": stack.enter_context(self.forge.serve()),
                "token": self.bot.token,
                "webhook_secret": "s3cret-s3cret",
            },
            "server": {"public_url": stack.enter_context(serve(self._answer))},
            "orchestrator": {"db_path": str(self.database)},
        }
        self.configured()
        migrate(self.database)
        self.web = stack.enter_context(ExitStack())
        self.starts()
        self.place = stack.enter_context(ExitStack())
        self.worker_starts()
        assert self.types("agent-fleet setup ann/lab").exit_code == 0

    def configured(self, section: str = "server", more: str = "", **keys: object) -> None:
        """Writes the file with ``keys`` changed in ``section``; None takes one out."""
        self.keys[section] |= keys
        lines = []
        for name, values in self.keys.items():
            lines += [f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in values.items() if v is not None)]
        self.config.write_text("\n".join([*lines, more]))
        self.config.chmod(0o600)

    def starts(self) -> None:
        """The web side, with the configuration of this moment."""
        self.web.close()
        fleet = self.web.enter_context(opened(load(self.config, {}).settings))
        self.application = make_app(fleet)

    def worker_starts(self) -> None:
        self.place.enter_context(leading(self.database))
        self.loops_turn()

    def loops_turn(self, at: float | None = None) -> None:
        with closing(open_store(self.database)) as store:
            for name in ("inbox", "outbox", "dispatch", "timers"):
                store.write(lambda sql, n=name: beats.beat(sql, n, at or time.time()))  # type: ignore[misc]

    def types(self, line: str) -> Result:
        """What an operator types; our own commands run here."""
        program, *arguments = shlex.split(line)
        if program == "agent-fleet":
            return CliRunner().invoke(cli, arguments, prog_name="agent-fleet")
        subprocess.run([program, *arguments], check=True)
        return CliRunner().invoke(cli, ["--version"])

    def doctor(self) -> dict[str, list[Finding]]:
        """Its findings by check."""
        result = self.types(f"agent-fleet doctor --json --wait {WAIT}")
        assert result.exit_code in (0, 1, 2), result.output
        found: dict[str, list[Finding]] = {}
        report = json.loads(result.stdout)
        for line in report["lines"]:
            found.setdefault(line["check"], []).append(Finding(**line | {"state": State(line["state"])}))
        assert report["ok"] is (result.exit_code == 0)
        return found

    def sql(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.database)) as raw, raw:
            raw.execute(statement, values)

    def _answer(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        if self.application is None:
            raise ConnectionAbortedError
        return list(self.application(environ, start_response))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AGENT_FLEET_")]:
        monkeypatch.delenv(name)
    with ExitStack() as stack:
        yield Installation(tmp_path, stack)


def worst(found: list[Finding]) -> Finding:
    return max(found, key=lambda x: list(State).index(x.state))


def test_a_good_installation_has_nothing_to_put_right(here: Installation) -> None:
    result = here.types(f"agent-fleet doctor --wait {WAIT}")
    assert result.exit_code == 0, result.output
    assert "A test delivery arrived, signed with our secret." in result.output
    assert result.output.endswith("Everything is as it should be.\n")
    assert {x.state for found in here.doctor().values() for x in found} == {State.OK}


Planted = tuple[str, State, str, Callable[[Installation], object], Callable[[Installation], object] | None]


def an_agent_came_by(here: Installation) -> None:
    agent = Agent("new", "exec", (), 1, "h", "http_pull", "online", 1.0, 1.0, "1", {}, ())
    with closing(open_store(here.database)) as store:
        store.write(lambda sql: agents.register(sql, agent))


def hook(**changes: object) -> Callable[[Installation], object]:
    def plant(here: Installation) -> None:
        for name, value in changes.items():
            setattr(here.repo.hooks[0], name, value)

    return plant


def stranger(here: Installation) -> None:
    def hello(_: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    here.application = hello


def silent(here: Installation) -> None:
    here.application = None


@contextmanager
def leading(database: Path) -> Iterator[None]:
    """As a worker does."""
    lead = FileLead(database.with_name(database.name + ".worker.lock"))
    assert lead.take()
    yield
    lead.give_up()


def scopes(*names: str) -> Callable[[Installation], object]:
    return lambda here: here.configured("forgejo", token=here.bot.new_token(*names).secret)


def own_token(here: Installation) -> None:
    here.configured("forgejo", token=here.bot.token, bot_login=None, bot_id=None, agent_accounts=None)


def torn(here: Installation) -> None:
    """Pages in the middle of the file are overwritten, as a bad disk does."""
    assert here.types("agent-fleet backup b.tar").exit_code == 0
    here.place.close()
    here.web.close()
    here.application = None
    with closing(sqlite3.connect(here.database)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw_bytes = bytearray(here.database.read_bytes())
    raw_bytes[4096 * 2 : 4096 * 12] = b"\xff" * 4096 * 10
    here.database.write_bytes(raw_bytes)


def put_back(here: Installation) -> None:
    assert here.types("agent-fleet restore b.tar").exit_code == 0
    here.starts()
    here.worker_starts()


def undelivered(here: Installation) -> None:
    with closing(open_store(here.database)) as store:
        store.write(lambda sql: inbox.put(sql, "bad", "push", b"{}", 1.0))
        store.write(lambda sql: inbox.dead(sql, inbox.newest_id(sql), "KeyError()"))


def behind(here: Installation) -> None:
    with closing(open_store(here.database)) as store:
        store.write(lambda sql: outbox.wish(sql, "label:1", "label", "t_1", {}, at=1.0))
        for _ in range(3):
            store.write(lambda sql: outbox.again(sql, "label:1", 1, 1.0, "Forgejo answered 502."))


def another_secret(here: Installation) -> None:
    here.configured("forgejo", webhook_secret="renewed-renewed")
    here.starts()


def relabelled(here: Installation) -> None:
    here.repo.labels.clear()


def one_not_exclusive(here: Installation) -> None:
    next(x for x in here.repo.labels if x.name == "fleet/done").exclusive = False


def an_old_forge(here: Installation) -> None:
    here.forge.version = "11.0.1+gitea-1.22.0"


def a_new_forge(here: Installation) -> None:
    here.forge.version = Standin.version


def promoted(here: Installation) -> None:
    here.bot.is_admin = True


def demoted(here: Installation) -> None:
    here.bot.is_admin = False


def bad_line(here: Installation) -> None:
    here.configured("server", prot=9)


def good_line(here: Installation) -> None:
    here.configured("server", prot=None)


def no_secret(here: Installation) -> None:
    here.configured("forgejo", webhook_secret=None)


def a_secret(here: Installation) -> None:
    here.configured("forgejo", webhook_secret="s3cret-s3cret")


def a_lost_secret(here: Installation) -> None:
    here.configured(
        more=f'[[notify]]\nname = "ops"\nkind = "webhook"\nurl = "http://x/y"\nsecret_file = "{here.folder}/key"\n'
    )


def a_mail_server_that_says_no(here: Installation) -> None:
    here.configured(more='[[notify]]\nname = "ops"\nkind = "ntfy"\nurl = "http://x/y"\n')
    with closing(open_store(here.database)) as store:
        test = Notice(Kind.TEST, "test", "t", "x")
        store.write(lambda sql: notices.put(sql, "ops", test, 1.0))
        for _ in range(2):
            store.write(lambda sql: notices.again(sql, test.id_for("ops"), 1.0, "x answered 500."))


#: What is wrong; how bad it is; words of the line or its fix; planting it; applying the fix where no command does it.
PLANTED: Final[dict[str, Planted]] = {
    "unknown key": ("config", State.FAIL, "Did you mean server.port?", bad_line, good_line),
    "no secret": ("config", State.FAIL, "webhook_secret is missing. Set webhook_secret under", no_secret, a_secret),
    "open configuration": ("config.private", State.FAIL, "", lambda h: h.config.chmod(0o644), None),
    "open database": ("database.private", State.WARN, "", lambda h: h.database.chmod(0o644), None),
    "damaged database": ("database", State.FAIL, "agent-fleet restore", torn, put_back),
    "worker stopped": (
        "worker", State.FAIL, "agent-fleet serve", lambda h: h.place.close(), Installation.worker_starts,
    ),
    "worker stuck": ("worker", State.FAIL, "restart", lambda h: h.loops_turn(1.0), Installation.loops_turn),
    "log without its triggers": (
        "database.guards", State.FAIL, "(event_no_delete)", lambda h: h.sql("DROP TRIGGER event_no_delete"),
        lambda h: h.sql("CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'no'); END"),
    ),
    "a part of the worker fails": (
        "worker.fails", State.WARN, "agent-fleet verify",
        lambda h: h.sql("INSERT INTO beat (name, at) VALUES ('fails: sweep', 1.0)"),
        lambda h: h.sql("DELETE FROM beat WHERE name = 'fails: sweep'"),
    ),
    "server stopped": ("server", State.FAIL, "Start the service", silent, Installation.starts),
    "another server": ("server", State.FAIL, "a port of its own", stranger, Installation.starts),
    "webhook put aside": (
        "inbox", State.WARN, "worker's log", undelivered, lambda h: h.sql("UPDATE inbox SET state = 'done'"),
    ),
    "forge refuses changes": (
        "outbox", State.WARN, "502", behind, lambda h: h.sql("UPDATE outbox SET state = 'sent'"),
    ),
    "notification without its secret": (
        "notify", State.FAIL, "Check the path", a_lost_secret, lambda h: (h.folder / "key").write_text("k"),
    ),
    "notification refused": (
        "notify", State.WARN, "agent-fleet notify test ops", a_mail_server_that_says_no,
        lambda h: h.sql("UPDATE notice SET state = 'sent'"),
    ),
    "forge down": (
        "forge", State.FAIL, "is the forge up?", lambda h: h.forge.faults.goes_down(),
        lambda h: h.forge.faults.comes_back(),
    ),
    "no certificates": (
        "forge", State.FAIL, "Let ca_file under [forgejo]", lambda h: h.configured("forgejo", ca_file="/nowhere.pem"),
        lambda h: h.configured("forgejo", ca_file=None),
    ),
    "old forge": ("forge", State.FAIL, "Upgrade it to Forgejo 15", an_old_forge, a_new_forge),
    "wrong token": ("forge.token", State.FAIL, "make a token", lambda h: h.configured("forgejo", token="x"), own_token),
    "no read:user": ("forge.token", State.FAIL, "read:user", scopes("write:repository", "write:issue"), own_token),
    "no write:issue": (
        "repository.scope", State.FAIL, "write:issue", scopes("write:repository", "read:issue", "read:user"), own_token,
    ),
    "no write:repository": (
        "repository.delivery", State.FAIL, "write:repository", scopes("read:repository", "write:issue", "read:user"),
        own_token,
    ),
    "somebody else's token": (
        "forge.token", State.FAIL, 'bot_login = "fleet-bot"', lambda h: h.configured("forgejo", bot_login="zoe"),
        lambda h: h.configured("forgejo", bot_login="fleet-bot"),
    ),
    "bot rules the forge": ("forge.account", State.WARN, "ordinary account", promoted, demoted),
    "bot is an agent": (
        "forge.account", State.FAIL, "out of agent_accounts",
        lambda h: h.configured("forgejo", agent_accounts=["Fleet-Bot"]), own_token,
    ),
    "bot may only read": (
        "repository.right", State.FAIL, "settings/collaboration", lambda h: h.repo.grant(h.bot, "read"),
        lambda h: h.repo.grant(h.bot, "admin"),
    ),
    "bot may only write": (
        "repository.right", State.WARN, "settings/collaboration", lambda h: h.repo.grant(h.bot, "write"),
        lambda h: h.repo.grant(h.bot, "admin"),
    ),
    "no repository": (
        "repository", State.WARN, "agent-fleet setup OWNER/REPO", lambda h: h.sql("UPDATE repo SET watched = 0"),
        lambda h: h.types("agent-fleet setup ann/lab"),
    ),
    "no labels": ("repository.labels", State.FAIL, "fleet/queued", relabelled, None),
    "label of a new agent": ("repository.labels", State.WARN, "came by", an_agent_came_by, None),
    "label not exclusive": ("repository.labels", State.FAIL, "fleet/done", one_not_exclusive, None),
    "no webhook": ("repository.hook", State.FAIL, "no webhook", lambda h: h.repo.hooks.clear(), None),
    "webhook off": ("repository.hook", State.FAIL, "switched off", hook(active=False), None),
    "webhook of few events": ("repository.hook", State.FAIL, "every event", hook(events=frozenset({"push"})), None),
    "webhook of forms": ("repository.hook", State.FAIL, "JSON", hook(content_type="form"), None),
    "webhook of a branch": ("repository.hook", State.FAIL, "some branches", hook(branch_filter="main"), None),
    "webhook with an old secret": ("repository.delivery", State.FAIL, "another secret", another_secret, None),
    "delivery lost": (
        "repository.delivery", State.FAIL, "ALLOWED_HOST_LIST = external, loopback",
        lambda h: h.forge.faults.loses_deliveries(1), lambda h: h.forge.faults.comes_back(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_and_its_fix_mends_it(here: Installation, name: str) -> None:
    check, state, words, plant, mend = PLANTED[name]
    plant(here)
    found = worst(here.doctor()[check])
    assert found.state is state, found
    assert words in f"{found.said} {found.fix}"
    assert found.fix
    if mend is None:
        assert found.command in found.fix
        done = here.types(found.command)
        assert done.exit_code == 0, done.output
    else:
        mend(here)
    assert {x.state for x in here.doctor().get(check, ())} <= {State.OK}


def test_a_database_that_is_not_there_or_old_is_migrated(here: Installation, tmp_path: Path) -> None:
    here.configured("orchestrator", db_path=str(tmp_path / "other.db"))
    missing = worst(here.doctor()["database"])
    assert (missing.state, missing.command) == (State.FAIL, "agent-fleet migrate")
    assert here.types(missing.command).exit_code == 0
    assert worst(here.doctor()["database"]).state is State.OK
    with closing(sqlite3.connect(tmp_path / "other.db")) as raw, raw:
        raw.execute("DROP TABLE counter")
        raw.execute("DROP INDEX task_changed")
        raw.execute("DROP INDEX outbox_wished")
        raw.execute("DROP TABLE counter_step")
        raw.execute("DELETE FROM schema_migration WHERE name LIKE '0008%' OR name LIKE '0014%'")
    old = worst(here.doctor()["database"])
    assert (old.state, old.command) == (State.FAIL, "agent-fleet migrate")
    assert here.types(old.command).exit_code == 0
    assert worst(here.doctor()["database"]).state is State.OK


def test_a_fix_is_about_the_same_configuration(here: Installation, tmp_path: Path) -> None:
    here.repo.labels.clear()
    moved = tmp_path / "else where.toml"
    here.config.rename(moved)
    report = json.loads(here.types(f"agent-fleet doctor --json --wait {WAIT} --config '{moved}'").stdout)
    [found] = [line for line in report["lines"] if line["check"] == "repository.labels"]
    assert found["command"] in found["fix"]
    assert here.types(found["command"]).exit_code == 0
    assert here.types(f"agent-fleet doctor --wait {WAIT} --config '{moved}'").exit_code == 0


def test_what_answers_but_is_no_forge_and_an_extra_that_is_not_there(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.doctor.extras._there", lambda _module: False)
    here.configured("forgejo", url=f"{here.forge.url}/elsewhere")
    here.configured("forgejo", more='[log]\ntraces_url = "http://127.0.0.1:4318"\n')
    found = {x.check: x for x in examined()}
    assert found["forge"].said.endswith("/elsewhere is not a Forgejo.")
    assert found["extras"].state is State.WARN
    assert "pip install '.[otel]'" in found["extras"].fix


def test_a_database_that_is_only_closed_to_us_is_not_given_up(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_args: object, **_more: object) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr("bot.doctor.machine.sqlite3.connect", closed)
    found = [x for x in machine.database(here.database) if x.check == "database"]
    assert [x.state for x in found] == [State.FAIL]
    assert "what this user may write there" in found[0].fix
    assert "restore" not in found[0].fix


def test_a_database_from_the_future_is_not_touched(here: Installation) -> None:
    here.sql("INSERT INTO schema_migration (name, applied) VALUES ('0099_future', '2030-01-01')")
    assert "newer version" in worst(here.doctor()["database"]).fix


def examined(**more: Any) -> list[Finding]:
    return list(examining.examine(load(None, {}), delivery_secs=1, **more))


def test_clock_and_disk(here: Installation) -> None:
    found = {x.check: x for x in examined(clock=lambda: time.time() + 120, free=lambda _: 1024**3)}
    assert (found["forge.clock"].state, found["disk"].state) == (State.WARN, State.WARN)
    assert "ahead of the forge's" in found["forge.clock"].said
    assert "NTP" in found["forge.clock"].fix
    full = {x.check: x for x in examined(free=lambda _: 1024)}
    assert full["disk"].state is State.FAIL
    assert "data_dir" in full["disk"].fix


def test_a_host_that_does_not_answer_is_one_line_and_the_rest_is_still_looked_at(here: Installation) -> None:
    host = '[[hosts]]\nhost_id = "far"\nhostname = "127.0.0.1"\nssh_port = 1\nssh_user = "x"\nwork_dir = "/w"\n'
    (here.folder / "key").write_text("no key")
    here.configured(more=host + f'ssh_key_path = "{here.folder}/key"\nagents = [{{ agent_type = "codex-cli" }}]\n')
    [found] = here.doctor()["host"]
    assert (found.state, found.subject) == (State.FAIL, "far")
    assert found.fix


def test_a_forge_that_falls_silent_meanwhile_is_said(here: Installation) -> None:
    here.forge.faults.fails("GET", "/api/v1/repositories/*", status=502, times=50)
    assert worst(here.doctor()["forge"]).state is State.FAIL


def test_no_lock_is_taken_to_find_a_worker(here: Installation) -> None:
    here.place.close()
    taken = threading.Event()
    examined()
    with leading(here.database):
        taken.set()
    assert taken.is_set()
