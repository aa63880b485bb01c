"""The files around the code: what they name exists."""

import runpy
from pathlib import Path
from typing import Final

import pytest
from gunicorn.config import KNOWN_SETTINGS, Config

from bot.store.database import migrate

ROOT: Final = Path(__file__).parents[2]
#: Names in gunicorn.conf.py that are its imports, not settings.
IMPORTED: Final = {"os", "sys", "load", "open_store", "options"}


@pytest.fixture
def gunicorn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Config:
    migrate(tmp_path / "fleet.db")
    (tmp_path / "config.toml").write_text(
        f'[orchestrator]\ndb_path = "{tmp_path}/fleet.db"\n'
        '[server]\nbind = "::1"\nport = 8000\nthreads = 16\nworkers = 3\n'
        '[forgejo]\nurl = "http://forge"\ntoken = "t"\nwebhook_secret = "s"\n'
    )
    monkeypatch.setenv("AGENT_FLEET_CONFIG", str(tmp_path / "config.toml"))
    config = Config()
    for name, value in runpy.run_path(str(ROOT / "gunicorn.conf.py")).items():
        if name.islower() and not name.startswith("_") and name not in IMPORTED:
            assert name in {setting.name for setting in KNOWN_SETTINGS}, f"gunicorn knows no {name}"
            config.set(name, value)
    return config


def test_gunicorn_listens_as_the_settings_say(gunicorn: Config) -> None:
    assert gunicorn.address == [("::1", 8000)]
    assert (gunicorn.workers, gunicorn.threads, gunicorn.worker_class_str) == (3, 16, "gthread")


def test_gunicorn_trusts_no_header_and_opens_no_control_socket(gunicorn: Config) -> None:
    assert gunicorn.forwarder_headers == []
    assert gunicorn.forwarded_allow_ips == []
    assert gunicorn.control_socket_disable


def test_gunicorn_does_not_start_on_wrong_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENT_FLEET_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    assert ended.value.code == 2
    assert "cannot be read" in capsys.readouterr().err


def test_gunicorn_does_not_start_without_a_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text(
        f'[orchestrator]\ndb_path = "{tmp_path}/fleet.db"\n'
        '[forgejo]\nurl = "http://forge"\ntoken = "t"\nwebhook_secret = "s"\n'
    )
    monkeypatch.setenv("AGENT_FLEET_CONFIG", str(tmp_path / "config.toml"))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    assert ended.value.code == 1
    assert "There is no database" in capsys.readouterr().err


def test_ci_runs_what_people_run() -> None:
    for path in (".ci/run", ".forgejo/workflows/ci.yml"):
        content = (ROOT / path).read_text("utf-8")
        assert "make lint" in content
        assert "make test" in content
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
