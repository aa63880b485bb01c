"""agent-fleet events: what happens to tasks, as it happens."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, Final

import click

from bot.cli.opening import opened_store
from bot.cli.options import config_option, json_option
from bot.core import operating_text as text
from bot.core.recorded import Recorded
from bot.settings import load
from bot.store import Store, log
from bot.store.wakeups import CHANGED

_LOOK_SECS: Final = 1.0


@click.group("events")
def command() -> None:
    """The log of everything that happened to tasks."""


@command.command("tail")
@click.option("-n", "--lines", default=20, type=click.IntRange(0, 10_000), show_default=True, help="So many, first.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@json_option
@config_option
def tail(config: Path | None, lines: int, follow: bool, as_json: bool) -> None:
    """Print the newest events, oldest of them first."""
    settings = load(config, os.environ, for_bot=False).settings
    with opened_store(settings) as store:
        store.watch_other_processes()
        seq = _show(store, max(0, store.read(log.newest_seq) - lines), as_json=as_json)
        while follow:
            seen = store.wakeups.count(CHANGED)
            seq = _show(store, seq, as_json=as_json)
            store.wakeups.wait(CHANGED, seen, _LOOK_SECS)


def plain(one: Recorded) -> dict[str, Any]:
    """An event as programs read it; its fields are those of its kind."""
    return {
        "seq": one.seq,
        "task_id": one.task_id,
        "n": one.n,
        "at": one.at,
        "kind": one.event.kind,
        "actor": one.actor,
        "cause": one.cause,
        "chain": one.chain,
        "data": dataclasses.asdict(one.event),
    }


def _show(store: Store, seq: int, *, as_json: bool) -> int:
    """Prints what came after ``seq``; returns the last that was printed."""
    while page := store.read(lambda sql, n=seq: log.since(sql, n)):  # type: ignore[misc]
        for one in page:
            shown = plain(one)
            click.echo(
                json.dumps(shown, ensure_ascii=False)
                if as_json
                else text.event_line(one.at, one.task_id, one.event.kind, one.actor, shown["data"])
            )
        seq = page[-1].seq
    return seq
