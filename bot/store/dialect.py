"""What differs between database engines, and the narrow face through which SQL is run."""

from typing import Any, Final

from peewee import Database, IntegrityError, SqliteDatabase
from playhouse.pool import PooledSqliteDatabase

Row = tuple[Any, ...]

#: Column types and clauses by engine, filled into the migrations with ``str.format_map``.
TYPES: Final = {
    "sqlite": {
        "serial": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "blob": "BLOB",
        "real": "REAL",
        "int": "INTEGER",
        "strict": " STRICT",
    },
}


def engine_types(db: Database) -> dict[str, str]:
    """The words of ``TYPES`` for the engine behind ``db``."""
    if isinstance(db, SqliteDatabase):
        return TYPES["sqlite"]
    raise TypeError(f"no dialect for {type(db).__name__}")


class Duplicate(Exception):
    """A unique key is taken."""


class Sql:
    """Runs statements with ``?`` placeholders on one connection; results are plain tuples."""

    def __init__(self, db: Database) -> None:
        self._db: Any = db  # execute_sql is untyped in peewee 4.5
        self.woken: set[str] = set()

    def all(self, statement: str, *values: object) -> list[Row]:
        """Every row of the answer; also the way to run ``… RETURNING`` (an undrained cursor undoes it)."""
        try:
            cursor = self._db.execute_sql(statement, values)
            return list(cursor.fetchall())
        except IntegrityError as problem:
            raise Duplicate(str(problem)) from problem

    def one(self, statement: str, *values: object) -> Row | None:
        rows = self.all(statement, *values)
        return rows[0] if rows else None

    def value(self, statement: str, *values: object) -> Any:
        """The first column of the first row, None without a row."""
        row = self.one(statement, *values)
        return row[0] if row else None

    def run(self, statement: str, *values: object) -> int:
        """Runs a statement without an answer; returns the number of rows changed."""
        try:
            return int(self._db.execute_sql(statement, values).rowcount)
        except IntegrityError as problem:
            raise Duplicate(str(problem)) from problem

    def wake(self, topic: str) -> None:
        """After the commit, those who wait for ``topic`` are woken."""
        self.woken.add(topic)


def sqlite(path: str) -> PooledSqliteDatabase:
    """A pool over one file: WAL with FULL, so that what was acknowledged survives a power cut."""
    return PooledSqliteDatabase(
        path,
        max_connections=None,
        stale_timeout=None,
        lock_type="IMMEDIATE",
        timeout=10,
        check_same_thread=False,
        pragmas={
            "journal_mode": "wal",
            "synchronous": "full",
            "foreign_keys": 1,
            "wal_autocheckpoint": 3000,
            "cache_size": -16_000,
            "temp_store": "memory",
        },
    )


def changes_token(sql: Sql) -> object:
    """A value that differs after another process has committed (SQLite ``PRAGMA data_version``)."""
    return sql.value("PRAGMA data_version")
