"""Moving everything to another database, of either engine, and proving that it arrived."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from bot.core import database_text as text
from bot.core.backup_text import in_use
from bot.core.database_url import is_no_file, is_postgresql
from bot.core.errors import Refused
from bot.store import classes, log
from bot.store.backup import users
from bot.store.database import Store, migrate, open_store
from bot.store.dialect import Row, Sql
from bot.store.engines import Where, shown
from bot.store.verify import differences

_PAGE: Final = 500


class Copied(NamedTuple):
    tables: int
    rows: int
    events: int


def copy(source: Store, to: Where) -> Copied:
    """Copies every row of ``source`` to the database ``to``, which is made when it is not there.

    Nothing may write to either meanwhile. Raises Refused when somebody may, when ``to`` holds anything, or when
    afterwards an event or a table's number of rows is not the same.
    """
    _refuse_in_use(source)
    if damage := source.read(lambda sql: next(iter(differences(sql)), None)):
        raise Refused(text.source_damaged(f"{damage.task_id} {damage.what}"), text.see_verify_then_copy())
    target = _made(to)
    try:
        _refuse_in_use(target)
        tables = source.read(_tables)
        for table in tables:
            if target.read(lambda sql, t=table: sql.value(f"SELECT 1 FROM {t} LIMIT 1")):  # type: ignore[misc]
                raise Refused(text.not_empty(shown(to), table), text.copy_to_an_empty_one())
        rows = sum(source.read(lambda sql, t=table: _copy_table(sql, target, t)) for table in tables)  # type: ignore[misc]
        target.write(lambda sql: _settle(sql, tables))
        events = source.read(lambda here: target.read(lambda there: _compare(here, there)))
        return Copied(len(tables), rows, events)
    finally:
        target.close()


def _made(to: Where) -> Store:
    try:
        migrate(to)
        return open_store(to)
    except Refused as problem:
        if problem.kind != "no_database":
            raise
        raise Refused(problem.reason, text.check_the_target(), problem.status, problem.kind) from problem


def _refuse_in_use(store: Store) -> None:
    if isinstance(store.where, Path) and (pids := users(store.where)):
        raise Refused(in_use(str(store.where), pids), text.stop_all_then_copy(), 409, "in_use")
    if store.led():  # a worker of another user, or on another machine
        raise Refused(text.worker_works(shown(store.where)), text.stop_all_then_copy(), 409, "in_use")


def _tables(sql: Sql) -> list[str]:
    """All of ours, by name; which migrations were applied is the target's own."""
    found = (
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        if sql.many_writers
        else "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    )
    return sorted(r[0] for r in sql.all(found) if r[0] != "schema_migration")


def _copy_table(sql: Sql, target: Store, table: str) -> int:
    columns = _columns(sql, table)
    marks = ", ".join("?" for _ in columns)
    insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    count = 0
    for page in _pages(sql, table, columns):
        target.write(lambda there, rows=page: [there.run(insert, *row) for row in rows])  # type: ignore[misc]
        count += len(page)
    there = target.read(lambda other: other.value(f"SELECT count(*) FROM {table}"))
    if there != count:
        raise Refused(text.copy_differs(f"{table} has {there} rows of {count}"), text.copy_again())
    return count


def _pages(sql: Sql, table: str, columns: list[str]) -> Iterator[list[Row]]:
    """In the order of the primary key, each page after the one before."""
    key = _key(sql, table)
    names, order = ", ".join(columns), ", ".join(key)
    places = [columns.index(name) for name in key]
    page = sql.all(f"SELECT {names} FROM {table} ORDER BY {order} LIMIT ?", _PAGE)
    after = f"SELECT {names} FROM {table} WHERE ({order}) > ({', '.join('?' for _ in key)}) ORDER BY {order} LIMIT ?"
    while page:
        yield page
        page = sql.all(after, *(page[-1][place] for place in places), _PAGE)


def _columns(sql: Sql, table: str) -> list[str]:
    if not sql.many_writers:
        return [r[0] for r in sql.all("SELECT name FROM pragma_table_info(?) ORDER BY cid", table)]
    asked = """SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema()
               AND table_name = ? ORDER BY ordinal_position"""
    return [r[0] for r in sql.all(asked, table)]


def _key(sql: Sql, table: str) -> list[str]:
    if not sql.many_writers:
        return [r[0] for r in sql.all("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", table)]
    asked = """SELECT attribute.attname FROM pg_index JOIN pg_attribute AS attribute ON
               attribute.attrelid = pg_index.indrelid AND attribute.attnum = any(pg_index.indkey)
               WHERE pg_index.indrelid = ?::regclass AND pg_index.indisprimary
               ORDER BY array_position(pg_index.indkey, attribute.attnum)"""
    return [r[0] for r in sql.all(asked, table)]


def _settle(sql: Sql, tables: list[str]) -> None:
    """What each engine keeps for itself: the next numbers, and how many wait in each class."""
    if not sql.many_writers:
        classes.recount(sql)
        return
    for table in tables:
        for column in ("id", "seq"):
            if sql.value(
                """SELECT 1 FROM information_schema.columns WHERE table_schema = current_schema()
                   AND table_name = ? AND column_name = ? AND is_identity = 'YES'""",
                *(table, column),
            ):
                sql.all(
                    f"""SELECT setval(pg_get_serial_sequence('{table}', '{column}'),
                        coalesce((SELECT max({column}) FROM {table}), 1),
                        (SELECT count(*) FROM {table}) > 0)"""
                )


def _compare(here: Sql, there: Sql) -> int:
    """Event by event, and that all that is derived from them is right there too. Returns how many there are."""
    count = 0
    for mine, copied in zip_longest(log.everything(here), log.everything(there)):
        if mine != copied:
            one = mine or copied
            assert one is not None  # noqa: S101 - zip_longest gives at least one of them
            raise Refused(text.copy_differs(f"event {one.n} of {one.task_id}"), text.copy_again())
        count += 1
    for difference in differences(there):
        raise Refused(text.copy_differs(f"{difference.task_id} {difference.what}"), text.copy_again())
    return count


def place(named: str) -> Where:
    """Where ``named`` is: a `postgresql://` URL or a file. Raises Refused for what is neither."""
    if is_postgresql(named):
        return named
    if is_no_file(named):
        raise Refused(text.no_target(), text.name_the_target(), 422, "bad_target")
    return Path(named)
