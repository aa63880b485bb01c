"""Migrations and opening: made once, whoever comes, and never opened when it is not ours to read."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from bot.core.errors import Refused
from bot.store import Sql, Store, open_store
from bot.store.database import MIGRATIONS, migrate, pending
from tests.unit.store.filling import a_task

ROOT: Final = Path(__file__).parents[3]
NAMES: Final = sorted(path.stem for path in MIGRATIONS.glob("0*.py"))
MIGRATE: Final = """
import sys
from pathlib import Path
from bot.store.database import migrate
print(len(migrate(Path(sys.argv[1]))))
"""


def test_migrating_makes_the_database_and_then_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "fleet.db"
    assert pending(path) == NAMES
    assert not path.exists()
    assert migrate(path) == NAMES
    assert migrate(path) == pending(path) == []
    open_store(path).close()


def test_eight_at_once_apply_it_once(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    running = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    said = [p.communicate(timeout=100)[0].strip() for p in running]
    assert sorted(said) == ["0"] * 7 + [str(len(NAMES))]
    assert {p.returncode for p in running} == {0}


def test_a_database_without_our_tables_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    with pytest.raises(Refused, match="There is no database") as refused:
        open_store(path)
    assert "agent-fleet migrate" in refused.value.fix
    path.touch()
    with pytest.raises(Refused) as refused:
        open_store(path)
    assert (refused.value.kind, refused.value.fix) == ("schema_old", "Run `agent-fleet migrate`.")


def test_a_new_database_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "fleet.db"
    migrate(path)
    assert path.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_a_sentence() -> None:
    with pytest.raises(Refused, match="cannot be made") as refused:
        migrate(Path("/proc/nowhere/fleet.db"))
    assert "db_path" in refused.value.fix


def test_a_newer_database_is_refused_by_all(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO schema_migration (name, applied) VALUES ('0099_future', '2030-01-01')")
    for use in (open_store, migrate, pending):
        with pytest.raises(Refused) as refused:
            use(path)
        assert refused.value.kind == "schema_new"
        assert "0099_future" in refused.value.reason


def test_what_was_acknowledged_survives_a_power_cut(path: Path) -> None:
    store = open_store(path)
    assert store.read(lambda sql: sql.value("PRAGMA journal_mode")) == "wal"
    assert store.read(lambda sql: sql.value("PRAGMA synchronous")) == 2
    store.close()


def test_a_steady_reading_sees_one_moment(store: Store) -> None:
    a_task(store)

    def looks_twice(sql: Sql) -> list[int]:
        before = sql.value("SELECT count(*) FROM task")
        with ThreadPoolExecutor() as somebody_else:
            somebody_else.submit(a_task, store, f"t_{before + 1}").result()
        return [before, sql.value("SELECT count(*) FROM task")]

    assert store.read(looks_twice, steady=True) == [1, 1]
    assert store.read(looks_twice) == [2, 3]
    with pytest.raises(ZeroDivisionError):
        store.read(lambda _: 1 / 0, steady=True)
    assert store.read(lambda sql: sql.value("SELECT count(*) FROM task"), steady=True) == 3
