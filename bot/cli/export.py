"""agent-fleet export: the log, the tasks or the receipts as one JSON object per line."""

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path

import click

from bot.cli.events import plain
from bot.cli.opening import opened_store
from bot.cli.options import config_option
from bot.settings import load
from bot.store import Store, log, signed_receipts, tasks


@click.command("export")
@click.argument("what", type=click.Choice(["events", "tasks", "receipts"]), default="events")
@config_option
def command(config: Path | None, what: str) -> None:
    """Print every event (or task, or signed receipt) as JSON lines, oldest first; texts and logs are not in it."""
    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        for line in {"events": _events, "tasks": _tasks, "receipts": _receipts}[what](store):
            click.echo(line)


def _events(store: Store) -> Iterator[str]:
    """Page by page: no long read keeps the database's journal from being tidied."""
    seq = 0
    while page := store.read(lambda sql, n=seq: log.since(sql, n)):  # type: ignore[misc]
        for one in page:
            yield json.dumps(plain(one), ensure_ascii=False)
        seq = page[-1].seq


def _tasks(store: Store) -> Iterator[str]:
    after = ""
    while page := store.read(lambda sql, n=after: tasks.after(sql, n)):  # type: ignore[misc]
        for one in page:
            yield json.dumps(dataclasses.asdict(one), ensure_ascii=False)
        after = page[-1].id


def _receipts(store: Store) -> Iterator[str]:
    after = (0, 0)
    while page := store.read(lambda sql, n=after: signed_receipts.after(sql, *n)):  # type: ignore[misc]
        for one in page:
            yield one.body
        after = (page[-1].repo_id, page[-1].number)
