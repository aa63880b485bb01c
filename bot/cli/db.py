"""agent-fleet db: move the database."""

import os
from pathlib import Path

import click

from bot.cli.opening import opened_store
from bot.cli.options import answer, config_option, json_option
from bot.core import database_text as text
from bot.settings import load
from bot.store import copying
from bot.store.engines import shown


@click.group("db")
def command() -> None:
    """Move the database to another engine or place."""


@command.command("copy")
@config_option
@click.option("--to", "target", required=True, metavar="URL", help="postgresql://… or the path of a new SQLite file.")
@json_option
def copy(config: Path | None, target: str, as_json: bool) -> None:
    """Copy everything to an empty database, and compare it event by event.

    Stop every process of the fleet first. Then set database_url (or db_path) to the new one and start again.
    """
    where = copying.place(target)
    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        found = copying.copy(store, where)
    said = {"database": shown(where), "tables": found.tables, "rows": found.rows, "events": found.events}
    data = str(settings.orchestrator.data_path.resolve())
    then = (
        text.then_use_sqlite(str(where.resolve()), data) if isinstance(where, Path) else text.then_use_postgresql(data)
    )
    answer(said, [text.copied(found.tables, found.rows, found.events, shown(where)), then], as_json=as_json)
