"""Settings: what is accepted, from where, and the sentences that refuse the rest."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from bot.core import database_url
from bot.settings import Loaded, Problem, SettingsError, load
from bot.settings.keys import all_keys
from bot.settings.showing import masked

SEED: Final = """\
[server]
bind = "0.0.0.0"
port = 9090
[forgejo]
url = "https://git.example.org"
token = "…"
webhook_secret = "…"
[orchestrator]
db_path = "data/agent-fleet.db"
heartbeat_interval_secs = 60
heartbeat_timeout_threshold = 3
task_timeout_secs = 1800
default_max_retries = 2
dispatch_interval_secs = 10
# http_pull_token = "optional-bearer-token"
[[hosts]]
host_id = "host-worker-01"
hostname = "192.0.2.10"
ssh_user = "deploy"
ssh_port = 22
ssh_key_path = "/home/deploy/.ssh/id_ed25519"
work_dir = "/opt/agent-workspace"
agents = [
  { agent_type = "codex-cli", max_concurrency = 2, capabilities = ["code:rust", "code:python"] },
  { agent_type = "claude-code", max_concurrency = 1, capabilities = ["code:rust"] },
]
[[hosts]]            # hostname "localhost" = local execution
host_id = "local"
hostname = "localhost"
ssh_user = "runner"
work_dir = "/tmp/agent-workspace"
agents = [ { agent_type = "codex-cli", max_concurrency = 1, capabilities = ["code:rust"] } ]
"""
NEEDED: Final = {
    "AGENT_FLEET_FORGEJO__URL": "https://git.example.org",
    "AGENT_FLEET_FORGEJO__TOKEN": "t0ken",
    "AGENT_FLEET_FORGEJO__WEBHOOK_SECRET": "s3cret",
}

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(content: str) -> Path:
        path = tmp_path / "fleet.toml"
        path.write_text(content, encoding="utf-8", newline="")
        return path

    return written


def loaded(toml: Path | None, env: Mapping[str, str] | None = None, **overrides: object) -> Loaded:
    dotted = {name.replace("__", "."): value for name, value in overrides.items()}
    return load(toml, {**NEEDED, **(env or {})}, dotted, folder=Path("/nonexistent"))


def problems(toml: Path | None, env: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as caught:
        loaded(toml, env)
    return caught.value.problems


def test_the_seeds_file_is_accepted_as_it_is(write: Write) -> None:
    path = write(SEED)
    it = load(path, {})
    settings = it.settings
    assert it.files_read == (path,)
    assert (settings.server.bind, settings.server.port) == ("0.0.0.0", 9090)
    assert settings.forgejo.token.get_secret_value() == "…"
    assert settings.orchestrator.lease_secs == 180
    assert settings.orchestrator.data_path == Path("data")
    first, second = settings.hosts
    assert not first.is_local
    assert [agent.capabilities for agent in first.agents] == [["code:rust", "code:python"], ["code:rust"]]
    assert second.is_local
    assert second.ssh_port == 22


def test_a_file_of_nothing_but_defaults_needs_the_forge_only() -> None:
    it = loaded(None)
    assert it.files_read == ()
    assert it.settings.server.port == 9090
    assert it.sources["forgejo.token"] == "AGENT_FLEET_FORGEJO__TOKEN"


def test_the_pull_agent_needs_no_forge() -> None:
    assert load(None, {}, folder=Path("/nonexistent"), for_bot=False).settings.forgejo.url == ""


def test_who_has_no_file_at_all_is_told_how_to_get_one() -> None:
    with pytest.raises(SettingsError) as caught:
        load(None, {}, folder=Path("/nonexistent"))
    told = ["agent-fleet init" in str(problem) for problem in caught.value.problems]
    assert told == [True, False, False]


def test_what_the_bot_needs_is_asked_for_by_name(write: Write) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(""), {})
    assert [problem.key for problem in caught.value.problems] == [
        "forgejo.url",
        "forgejo.token",
        "forgejo.webhook_secret",
    ]
    assert str(caught.value.problems[1]) == (
        "forgejo.token is missing. Set token under [forgejo] in the configuration file, "
        "or the variable AGENT_FLEET_FORGEJO__TOKEN or AGENT_FLEET_FORGEJO__TOKEN_FILE."
    )


def test_the_stronger_source_wins(write: Write, tmp_path: Path) -> None:
    toml = write("[server]\nport = 1\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "fleet.server.port").write_text("2\n")
    (tmp_path / "port").write_text("3\n")
    env: dict[str, str] = {}
    seen = [loaded(None).settings.server.port, loaded(toml).settings.server.port]
    for name, value in (
        ("CREDENTIALS_DIRECTORY", str(credentials)),
        ("AGENT_FLEET_SERVER__PORT_FILE", str(tmp_path / "port")),
        ("AGENT_FLEET_SERVER__PORT", "4"),
    ):
        env[name] = value
        seen.append(loaded(toml, env).settings.server.port)
    seen.append(loaded(toml, env, server__port=5).settings.server.port)
    seen.append(loaded(toml, env, server__port=None).settings.server.port)
    assert seen == [9090, 1, 2, 3, 4, 5, 4]
    assert loaded(toml, env, server__port=5).sources["server.port"] == "--port"


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_secret_in_a_file_loses_its_line_end(tmp_path: Path, ending: str) -> None:
    (tmp_path / "token").write_bytes(f"from-file{ending}".encode())
    env = {"AGENT_FLEET_FORGEJO__URL": "http://x", "AGENT_FLEET_FORGEJO__WEBHOOK_SECRET": "s"}
    env["AGENT_FLEET_FORGEJO__TOKEN_FILE"] = str(tmp_path / "token")
    assert load(None, env, folder=tmp_path).settings.forgejo.token.get_secret_value() == "from-file"


def test_every_setting_has_a_variable_and_takes_its_default_from_it() -> None:
    for key in all_keys().values():
        value = key.default if isinstance(key.default, list | dict) else None
        written = json.dumps(value) if value is not None else _plain(key.default)
        if key.name in ("forgejo.url", "forgejo.token", "forgejo.webhook_secret"):
            continue
        assert loaded(None, {key.variable: written}).sources[key.name] == key.variable


def _plain(value: object) -> str:
    secret = getattr(value, "get_secret_value", None)
    return str(secret()) if secret else str(value)


def test_lists_and_tables_come_from_variables() -> None:
    hosts = [
        {
            "host_id": "a",
            "hostname": "localhost",
            "ssh_user": "u",
            "work_dir": "/w",
            "agents": [{"agent_type": "x"}],
        }
    ]
    settings = loaded(
        None,
        {
            "AGENT_FLEET_HOSTS": json.dumps(hosts),
            "AGENT_FLEET_FORGEJO__AGENT_ACCOUNTS": "robot, other",
            "AGENT_FLEET_FORGEJO__WRITERS": '{"*": ["ann"]}',
            "AGENT_FLEET_ORCHESTRATOR__REQUIRE_AGENT_TOKENS": "yes",
        },
    ).settings
    assert settings.hosts[0].agents[0].max_concurrency == 1
    assert settings.forgejo.agent_accounts == ["robot", "other"]
    assert settings.forgejo.writers == {"*": ["ann"]}
    assert settings.orchestrator.require_agent_tokens


#: Blocks of TOML and the sentence that refuses it.
REFUSED: Final = (Path(__file__).parent / "refused_settings.txt").read_text(encoding="utf-8").split("\n---\n")[1:]


@pytest.mark.parametrize("block", REFUSED, ids=[block.rpartition("=> ")[2][:40] for block in REFUSED])
def test_what_cannot_be_is_refused_in_plain_words(write: Write, block: str) -> None:
    toml, sentence = block.split("\n=> ")
    path = write(toml)
    said = "\n".join(str(problem) for problem in problems(path))
    assert said.replace(f" ({path})", "") == sentence.strip()


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ("[server", "is not valid TOML: "),
        ("x = " + "[" * 5000, "is not valid TOML: "),
        ("x = " + "9" * 5000, "is not valid TOML: "),
        ("#" * (1024 * 1024 + 1), "has more than 1048576 bytes"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_once(write: Write, toml: str, reason: str) -> None:
    path = write(toml)
    [problem] = problems(path)
    assert problem.key == str(path)
    assert reason in problem.reason


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes(b"x = '\xff\xfe'")
    [problem] = problems(tmp_path / "bad.toml")
    assert "is not valid TOML" in problem.reason


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "none.toml", {})
    [problem] = caught.value.problems
    assert str(problem) == (
        f"{tmp_path / 'none.toml'} cannot be read: {tmp_path / 'none.toml'}: No such file or directory. "
        "Check the path and that this user may read it."
    )


def test_the_usual_places_are_looked_at_in_order(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[server]\nport = 2\n")
    assert load(None, NEEDED, folder=tmp_path).settings.server.port == 2
    (tmp_path / "agent-fleet.toml").write_text("[server]\nport = 1\n")
    assert load(None, NEEDED, folder=tmp_path).files_read == (tmp_path / "agent-fleet.toml",)
    named = {**NEEDED, "AGENT_FLEET_CONFIG": str(tmp_path / "config.toml")}
    assert load(None, named, folder=tmp_path).settings.server.port == 2


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("AGENT_FLEET_FORGEJO_TOKEN", "x", "is not a setting. Did you mean AGENT_FLEET_FORGEJO__TOKEN?"),
        ("AGENT_FLEET_FORGEJO__TOKN", "x", "is not a setting. Did you mean AGENT_FLEET_FORGEJO__TOKEN?"),
        ("AGENT_FLEET_SERVER__PORT", "x", 'must be a whole number, not "x".'),
        ("AGENT_FLEET_SERVER__PORT", "", 'must be a whole number, not "".'),
        ("AGENT_FLEET_SERVER__PORT", "9" * 5000, f'must be a whole number, not "{"9" * 40}…".'),
        ("AGENT_FLEET_HOSTS", "[{", 'must be a list, not "[{".'),
        ("AGENT_FLEET_HOSTS", "[" * 100_000, f'must be a list, not "{"[" * 40}…".'),
        (
            "AGENT_FLEET_LOG__LEVEL",
            "\x1b[2J",
            'must be "debug", "info", "warning" or "error", not \'\\x1b[2J\'.',
        ),
        (
            "AGENT_FLEET_LOG__LEVEL",
            "\udcff",
            "holds a NUL or half a character (a lone surrogate), which no path, header or database takes.",
        ),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, sentence: str) -> None:
    [problem] = problems(None, {variable: value})
    assert f"{problem.reason} {problem.fix}".strip() == sentence
    assert problem.source == variable


def test_a_file_named_by_a_variable_must_be_there(tmp_path: Path) -> None:
    [problem] = problems(None, {"AGENT_FLEET_SERVER__PORT_FILE": str(tmp_path / "none")})
    assert problem.key == "server.port"
    assert "No such file" in problem.reason


def test_an_unknown_credential_is_named(tmp_path: Path) -> None:
    (tmp_path / "fleet.forgejo.tokn").write_text("x")
    (tmp_path / "other-service").write_text("x")
    [problem] = problems(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert problem.fix == "Did you mean forgejo.token?"


def test_a_folder_of_credentials_that_is_missing_is_an_error(tmp_path: Path) -> None:
    [problem] = problems(None, {"CREDENTIALS_DIRECTORY": str(tmp_path / "none")})
    assert "No such file" in problem.reason


def test_all_problems_are_told_at_once(write: Write) -> None:
    toml = write(SEED.replace("port = 9090", "port = 0\nprot = 1").replace('"192.0.2.10"', "4") + "[log]\nlevel = 3\n")
    keys = {problem.key for problem in problems(toml, {"AGENT_FLEET_X": "1"})}
    assert keys == {"server.port", "server.prot", "log.level", "hosts[0].hostname", "AGENT_FLEET_X"}


def test_a_secret_is_never_told(write: Write) -> None:
    toml = write("[forgejo]\ntoken = ' hush hush '\n[orchestrator]\ndatabase_url = 'hush://hush'\n")
    env = {name: value for name, value in NEEDED.items() if not name.endswith("TOKEN")}
    with pytest.raises(SettingsError) as caught:
        load(toml, env)
    assert len(caught.value.problems) == 2
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(caught.value)


def test_secrets_are_masked_and_known(write: Write) -> None:
    toml = write("[orchestrator]\ndatabase_url = 'postgresql://u:pa%40ss@h/db'\n")
    it = loaded(toml)
    shown = masked(it)
    assert shown["forgejo"]["token"] == "********"
    assert shown["orchestrator"]["database_url"] == "********"
    assert shown["orchestrator"]["http_pull_token"] == ""
    assert "s3cret" not in json.dumps(shown) + repr(it)
    assert {"t0ken", "s3cret", "pa%40ss", "pa@ss"} <= set(it.settings.secrets())


@pytest.mark.parametrize("url", ["postgresql://u:h?u#sh@h/db", "postgresql://h/db?sslmode=require&password=h?u#sh"])
def test_the_databases_password_is_known_as_libpq_reads_it(write: Write, url: str) -> None:
    assert "h?u#sh" in loaded(write(f"[orchestrator]\ndatabase_url = '{url}'\n")).settings.secrets()
    assert database_url.shown(url) == "postgresql://h/db"


@pytest.mark.parametrize(
    ("bind", "public", "listen", "url"),
    [
        ("127.0.0.1", "", "127.0.0.1:9090", "http://127.0.0.1:9090"),
        ("0.0.0.0", "", "0.0.0.0:9090", "http://127.0.0.1:9090"),
        ("::", "", "[::]:9090", "http://[::1]:9090"),
        ("0.0.0.0", "https://fleet.example.org/", "0.0.0.0:9090", "https://fleet.example.org"),
    ],
)
def test_where_we_listen_and_are_reached(bind: str, public: str, listen: str, url: str) -> None:
    server = loaded(None, server__bind=bind, server__public_url=public).settings.server
    assert (server.listen, server.url) == (listen, url)


def test_waiting_agents_leave_threads_for_webhooks() -> None:
    assert loaded(None, server__threads=10).settings.waiting_agents == 5
    assert loaded(None, orchestrator__max_waiting_agents=7).settings.waiting_agents == 7


def test_an_adapters_command_is_split_without_a_shell(write: Write) -> None:
    toml = write("[adapters.a]\ncommand = 'run \"two words\" $HOME'\n[adapters.b]\ncommand = ['x', 'y z']\n")
    adapters = loaded(toml).settings.adapters
    assert adapters["a"].argv == ["run", "two words", "$HOME"]
    assert adapters["b"].argv == ["x", "y z"]


def test_no_label_of_the_fleets_own_asks_for_approval(write: Write) -> None:
    (found,) = problems(write(SEED + '[needs_approval]\nlabels = ["Fleet/queued"]\n'))
    assert found.key.startswith("needs_approval.labels")
    assert "labels that begin with fleet/ are set by the fleet itself" in str(found)
