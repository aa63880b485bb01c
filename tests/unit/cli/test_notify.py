"""`agent-fleet notify`, and how secrets reach it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from werkzeug import Request, Response

from bot.cli import cli
from bot.core.errors import Refused
from bot.core.notices import Kind, Notice
from bot.settings import load
from bot.settings.notify import NotifyEntry
from bot.standin.serve import serve
from bot.store import notices, open_store
from bot.store.database import migrate

GOOD = '[forgejo]\nurl = "http://forge"\ntoken = "t0ken"\nwebhook_secret = "s3cret"\n'


def run(*arguments: str, **env: str) -> Result:
    return CliRunner(env=env).invoke(cli, arguments, prog_name="agent-fleet")


def entry(name: str, url: str, secret: str = 'secret = "k3y-k3y-k3y"') -> str:
    return f'[[notify]]\nname = "{name}"\nkind = "webhook"\nurl = "{url}"\n{secret}\n'


def test_a_test_says_who_got_it(tmp_path: Path) -> None:
    heard: list[str] = []

    def phone(environ: Any, start_response: Any) -> Any:
        heard.append(json.loads(Request(environ).get_data())["kind"])
        return Response(status=200)(environ, start_response)

    config = tmp_path / "c.toml"
    with serve(phone) as url:
        config.write_text(GOOD + entry("phone", url) + entry("wall", "http://127.0.0.1:1/x"))
        both = run("notify", "test", "--config", str(config))
        one = run("notify", "test", "phone", "--json", "--config", str(config))
    assert both.exit_code == 1
    assert both.output.startswith("phone: sent.\nwall: not sent. 127.0.0.1 cannot be reached")
    assert (one.exit_code, json.loads(one.output)) == (0, [{"name": "phone", "sent": True, "reason": ""}])
    assert heard == ["test", "test"]
    unknown = run("notify", "test", "fone", "--config", str(config))
    assert (unknown.exit_code, "phone, wall" in unknown.output) == (1, True)


def test_the_list_shows_what_waits_and_no_secret(tmp_path: Path) -> None:
    config, database = tmp_path / "c.toml", tmp_path / "fleet.db"
    config.write_text(GOOD + f'[orchestrator]\ndb_path = "{database}"\n' + entry("phone", "http://127.0.0.1:1/x"))
    migrate(database)
    store = open_store(database)
    notice = Notice(Kind.FAILED, "failed:1", "t", "x")
    assert store.write(lambda sql: notices.put(sql, "phone", notice, 1.0))
    assert not store.write(lambda sql: notices.put(sql, "phone", notice, 2.0)), "the same cause twice is once"
    store.write(lambda sql: notices.again(sql, notice.id_for("phone"), 9.0, "phone answered 500."))
    store.close()
    shown = run("notify", "list", "--config", str(config))
    assert shown.output == "phone (webhook): 1 to be sent. phone answered 500.\n"
    [row] = json.loads(run("notify", "list", "--json", "--config", str(config)).output)
    assert (row["waiting"], row["error"]) == (1, "phone answered 500.")
    settings = run("config", "show", "--json", "--config", str(config)).output
    assert "k3y" not in shown.output + settings


def test_secrets_come_from_files_credentials_and_variables(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    common: dict[str, Any] = {"name": "a", "kind": "webhook", "url": "http://x/y"}
    by_path = NotifyEntry(**common, secret_file=str(tmp_path / "key"))
    by_name = NotifyEntry(**common, secret_file="key")
    by_variable = NotifyEntry(**common, secret_env="PAGER_KEY")
    assert by_path.read_secret({}) == "from-a-file"
    assert by_name.read_secret({"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "from-a-file"
    assert by_variable.read_secret({"PAGER_KEY": "k"}) == "k"
    with pytest.raises(Refused, match="PAGER_KEY"):
        by_variable.read_secret({})
    with pytest.raises(Refused, match="cannot be read: No such file"):
        NotifyEntry(**common, secret_file=str(tmp_path / "none")).read_secret({})
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(Refused, match="empty is empty"):
        NotifyEntry(**common, secret_file=str(tmp_path / "empty")).read_secret({})


def test_secrets_are_masked_in_logs_and_looked_for_in_results(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    (tmp_path / "c.toml").write_text(
        GOOD + entry("a", "http://x/y") + entry("b", "http://x/z", f'secret_file = "{tmp_path}/key"')
    )
    assert {"k3y-k3y-k3y", "from-a-file"} <= set(load(tmp_path / "c.toml", {}).settings.secrets())
    wrong = run("config", "check", "--config", str(tmp_path / "c.toml"), AGENT_FLEET_NOTIFY="[{secret: hush-hush")
    assert wrong.exit_code == 2
    assert "hush" not in wrong.output
