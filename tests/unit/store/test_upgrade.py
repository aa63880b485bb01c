"""A database of the first released schema, with work in it, is brought up to this version and still holds."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.core.events import AttemptLost, Started
from bot.core.reasons import Reason
from bot.store import Sql, Store, attempts, counters, database, open_store, tasks
from bot.store.database import MIGRATIONS, migrate, pending
from bot.store.verify import differences
from tests.unit.store.filling import a_repo, a_task, claim, happens


def busy(store: Store) -> None:
    """Tasks that wait, run, were lost, and one whose agent is at work."""
    a_repo(store)
    for number in range(1, 6):
        a_task(store, f"t_{number}", requirements=("python",))
    for number in (1, 2):
        store.write(lambda sql, n=number: claim(sql, f"t_{n}"))  # type: ignore[misc]
    store.write(lambda sql: happens(sql, "t_1", Started(1)))
    store.write(lambda sql: happens(sql, "t_2", AttemptLost(1, Reason.LOST, 9), at=1005.0))
    store.write(lambda sql: attempts.close(sql, "t_2", 1, outcome="lost", at=1005.0))


def test_the_first_schema_with_data_is_upgraded(path: Path, tmp_path: Path) -> None:
    with closing(open_store(path)) as store:
        busy(store)
        before = [store.read(lambda sql, n=n: tasks.get(sql, f"t_{n}")) for n in range(1, 6)]  # type: ignore[misc]
        past = store.read(looked_back)
    old = tmp_path / "old.db"
    first_schema(old, tmp_path)
    copied = copy_rows(path, old)
    assert copied["event"] == 9
    waiting = pending(old)
    assert waiting
    assert migrate(old) == waiting
    with closing(open_store(old)) as store:
        assert store.read(lambda sql: list(differences(sql))) == []
        after = [store.read(lambda sql, n=n: tasks.get(sql, f"t_{n}")) for n in range(1, 6)]  # type: ignore[misc]
        assert after == before
        assert store.read(looked_back) == past  # written by the migration as if it had been there from the beginning
        kept = store.read(counters.everything)[counters.TASKS]
        assert kept == {("queued",): 4.0, ("running",): 1.0}
        a_task(store, "t_9")  # and work goes on
        assert store.read(lambda sql: list(differences(sql))) == []


def looked_back(sql: Sql) -> list[object]:
    return [*sql.all("SELECT * FROM history ORDER BY task_id"), *sql.all("SELECT * FROM task_word ORDER BY 1, 2")]


def first_schema(old: Path, tmp_path: Path) -> None:
    """Only 0001, as the first release made it."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    shutil.copy(MIGRATIONS / "0001_initial.py", folder)
    here = database.MIGRATIONS
    database.MIGRATIONS = folder
    try:
        assert migrate(old) == ["0001_initial"]
    finally:
        database.MIGRATIONS = here


def copy_rows(new: Path, old: Path) -> dict[str, int]:
    """What the first schema has room for; returns the rows by table."""
    copied = {}
    with closing(sqlite3.connect(old)) as raw, raw:
        raw.execute("ATTACH ? AS new", (str(new),))
        tables = [row[0] for row in raw.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
        for table in tables:
            if table.startswith(("sqlite_", "schema_migration")):
                continue
            columns = ", ".join(row[1] for row in raw.execute(f"PRAGMA main.table_info({table})"))
            copied[table] = raw.execute(
                f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}"
            ).rowcount
    return copied
