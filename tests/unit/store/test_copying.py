"""Moving to the other engine, and back."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.errors import Refused
from bot.store import Store, copying, inbox, log, open_store
from bot.store.verify import differences
from tests.unit.store.filling import a_repo, a_task, claim
from tests.world import databases

POISON = "'; DROP TABLE event; -- \x00 \U0001f4a5 \U0010ffff"


@pytest.fixture
def filled(path: Path) -> Store:
    store = open_store(path)
    a_repo(store)
    a_task(store, "t_1", asked_by=POISON, branch=POISON)
    store.write(lambda sql: claim(sql, "t_1"))
    a_task(store, "t_2")
    store.write(lambda sql: inbox.put(sql, "d-1", "push", b"{}\xff\x00", 1.0))
    return store


def test_there_and_back_it_is_the_same(filled: Store, tmp_path: Path) -> None:
    everything = filled.read(lambda sql: list(log.everything(sql)))
    with databases.database("postgresql", tmp_path) as where, closing(filled):
        assert copying.copy(filled, where).events == len(everything) == 3
        with closing(open_store(where)) as there:
            assert there.read(lambda sql: list(log.everything(sql))) == everything
            assert [x.body for x in there.read(lambda sql: inbox.due(sql, 1.0))] == [b"{}\xff\x00"]
            assert there.write(lambda sql: inbox.put(sql, "d-2", "push", b"", 2.0)) == (2, True), "numbers go on"
            a_task(there, "t_3")
            with pytest.raises(Refused, match="already holds data"):
                copying.copy(filled, where)
            copying.copy(there, tmp_path / "back.db")
    with closing(open_store(tmp_path / "back.db")) as back:
        assert back.read(lambda sql: list(log.everything(sql)))[: len(everything)] == everything
        assert back.read(lambda sql: list(differences(sql))) == []


@pytest.mark.parametrize(
    "named",
    [
        "postgres://fleet@h/fleet",
        "POSTGRESQL://fleet@h/fleet",
        "postgresql:/fleet@h/fleet",
        "postgresql://fleet@h/fl eet",
        "postgresql://[h/fleet",
        "mysql://x/y",
        "sqlite:///x.db",
        "host=h dbname=fleet",
        "",
    ],
)
def test_what_is_no_target_is_not_taken_for_a_file(named: str) -> None:
    with pytest.raises(Refused, match="neither a PostgreSQL nor a file") as refused:
        copying.place(named)
    assert "postgresql://" in refused.value.fix


@pytest.mark.parametrize("named", ["new.db", "./a=b.db", "/var/lib/fleet.db", "folder/a:b.db"])
def test_a_target_is_a_file(named: str) -> None:
    assert copying.place(named) == Path(named)


def test_a_target_that_is_away_is_not_said_to_be_database_url(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    (tmp_path / "plain").write_text("")
    with databases.of_the_run(tmp_path) as here, closing(open_store(here)) as source:
        for target in ("postgresql://fleet:hush@127.0.0.1:1/fleet", tmp_path / "plain" / "new.db"):
            with pytest.raises(Refused, match="--to") as refused:
                copying.copy(source, target)
            assert "database_url" not in str(refused.value)
            assert "db_path" not in str(refused.value)


def test_a_fleet_that_works_is_not_copied(tmp_path: Path) -> None:
    with databases.of_the_run(tmp_path) as here, closing(open_store(here)) as source:
        lead = source.lead()
        assert lead.take()
        with pytest.raises(Refused, match="a worker of the fleet works on") as refused:
            copying.copy(source, tmp_path / "new.db")
        assert "Stop every process" in refused.value.fix
        assert not (tmp_path / "new.db").exists()
        lead.give_up()
        assert copying.copy(source, tmp_path / "new.db").events == 0


def test_a_file_that_another_process_has_open_is_not_copied(tmp_path: Path) -> None:
    with databases.database("sqlite", tmp_path) as here, closing(open_store(here)) as source:
        code = "import sys; held = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
        with subprocess.Popen(
            [sys.executable, "-c", code, str(here)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "open\n"
            with pytest.raises(Refused, match=f"in use by process {other.pid}"):
                copying.copy(source, tmp_path / "new.db")
            other.communicate()


def test_a_damaged_source_is_called_damaged_and_nothing_is_made(filled: Store, tmp_path: Path) -> None:
    filled.write(lambda sql: sql.run("UPDATE task SET branch = 'another' WHERE id = 't_1'"))
    with closing(filled), pytest.raises(Refused, match="is damaged itself: t_1") as refused:
        copying.copy(filled, tmp_path / "new.db")
    assert "agent-fleet verify" in refused.value.fix
    assert not (tmp_path / "new.db").exists()
